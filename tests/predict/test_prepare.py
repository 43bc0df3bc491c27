"""From a picture to an image like those of a data set, step by step."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from fixtures import pictures
from PIL import Image, ImageFile
from scipy import ndimage

from fmstudy.predict import prepare
from fmstudy.predict.prepare import Target, read_picture
from fmstudy.runtime import StudyError

FASHION = Target((28, 28), 255, 0, (28, 28), sharpen=True)
DIGITS = Target((8, 8), 16, 0, (8, 8), sharpen=False)
WIDE = Target((12, 20), 255, 1, (10, 16), sharpen=False)  # dark things on white


def image_of(source: object, target: Target = FASHION) -> np.ndarray:
    return prepare.prepare(read_picture(source), target).image


# ------------------------------------------------------------------------------------- reading
def test_a_picture_is_the_same_in_every_kind_of_file(tmp_path: Path):
    """Gray values of 8 bits, in files that store them in different ways."""
    gray = pictures.shoe().convert("L")
    color = gray.convert("RGB")
    values = np.asarray(gray)
    is_white = values == 255
    shown = np.where(is_white, 0, values)  # the background is black, but transparent
    layers = [shown, shown, shown, np.where(is_white, 0, 255)]
    clear = Image.fromarray(np.stack(layers, axis=2).astype(np.uint8))
    deep = Image.fromarray(257 * values.astype(np.uint16))
    few = gray.quantize(256)
    kinds = {"l.png": gray, "rgb.png": color, "rgba.png": clear, "deep.png": deep, "p.png": few}
    kinds |= {"p.gif": few, "cmyk.tif": color.convert("CMYK"), "la.png": gray.convert("LA")}
    kinds |= {"rgb.webp": color, "rgb.bmp": color, "l.pgm": gray}
    expected = image_of(values)
    for name, image in kinds.items():
        image.save(tmp_path / name, **({"lossless": True} if name.endswith("webp") else {}))
        assert (image_of(tmp_path / name) == expected).all(), name
    assert (image_of(values / 255) == expected).all()
    assert (image_of(np.asarray(clear)) == expected).all()


def test_one_bit_per_pixel_is_enough(tmp_path: Path):
    box = np.zeros((40, 30), dtype=bool)
    box[10:30, 10:20] = True
    Image.fromarray(box).save(tmp_path / "box.png")
    expected = np.zeros((28, 28), np.uint8)
    expected[:, 7:21] = 255
    assert (image_of(tmp_path / "box.png") == expected).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_the_camera_was(tmp_path: Path, orientation: int):
    """By the definition of EXIF: where row 0 and column 0 of the stored picture are seen."""
    stored = np.full((60, 40), 255, np.uint8)
    stored[10:50, 8:14] = 40  # an L
    stored[44:50, 8:32] = 40
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "turned.png", exif=exif)
    seen = {
        1: stored,
        2: stored[:, ::-1],
        3: stored[::-1, ::-1],
        4: stored[::-1],
        5: stored.T,
        6: stored[::-1].T,
        7: stored[::-1, ::-1].T,
        8: stored[:, ::-1].T,
    }[orientation]
    assert (image_of(tmp_path / "turned.png") == image_of(seen)).all()


def test_of_an_animation_the_first_frame_counts(tmp_path: Path):
    path = pictures.save(tmp_path, "animated.gif")
    with Image.open(path) as animation:
        assert animation.n_frames == 2
        first = animation.convert("RGB")
    assert (image_of(path) == image_of(first)).all()


def png(columns: int, rows: int) -> bytes:
    """A PNG that promises so many pixels, and has none."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)), (b"IDAT", b"")]
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("filled_up", [False, True])  # True once WeasyPrint has been imported
def test_files_that_are_no_picture_say_what_is_wrong(filled_up, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", filled_up)
    whole = pictures.save(tmp_path, "photo.jpg").read_bytes()
    drawn = pictures.save(tmp_path, "shoe.png").read_bytes()
    files = {
        "notes.png": (b"no picture", "not a picture that can be read"),
        "empty.png": (b"", "not a picture that can be read"),
        "cut.jpg": (whole[: len(whole) // 2], "damaged or cut off"),
        "cut.png": (drawn[: len(drawn) // 2], "damaged or cut off"),
        "large.png": (png(10_000, 10_001), "more than 100,000,000 pixels"),
        "bomb.png": (png(60_000, 60_000), "more than 100,000,000 pixels"),
    }
    for name, (content, problem) in files.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StudyError, match=problem):
            read_picture(tmp_path / name)
    Image.fromarray(np.full((9, 9), 3e4, np.float32)).save(tmp_path / "float.tif")
    with pytest.raises(StudyError, match="32 bits"):
        read_picture(tmp_path / "float.tif")
    with pytest.raises(StudyError, match="not found"):
        read_picture(tmp_path / "missing.png")
    with pytest.raises(StudyError, match="not a file"):
        read_picture(tmp_path)


@pytest.mark.parametrize(
    ("pixels", "problem"),
    [
        (np.full((9, 9), np.nan), "not finite"),
        (np.full((9, 9), -np.inf), "not finite"),
        (np.full((9, 9), 200, np.int64), "from 200 to 200 of type int64"),
        (np.zeros(9), r"shape \(9,\) is no picture"),
        (np.zeros((9, 9, 2)), "is no picture"),
        (np.zeros((0, 9)), "is no picture"),
    ],
)
def test_arrays_that_are_no_picture_say_what_is_wrong(pixels: np.ndarray, problem: str):
    with pytest.raises(StudyError, match=problem):
        read_picture(pixels)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_a_thing_is_refused(level: int):
    with pytest.raises(StudyError, match="nothing stands out"):
        image_of(np.full((50, 60), level, np.uint8))


# --------------------------------------------------------------------------------------- steps
@pytest.mark.parametrize(("rows", "columns"), [(3, 7), (5, 2), (6, 9), (11, 13)])
def test_new_pixels_are_the_means_of_the_areas_that_they_cover(rows: int, columns: int):
    """Pixels are cut into so many that each new one covers whole ones."""
    pixels = np.random.default_rng(1).integers(0, 256, (6, 9))
    cut = np.kron(pixels, np.ones((rows, columns)))
    expected = cut.reshape(rows, 6, columns, 9).mean(axis=(1, 3))
    found = prepare.area_means(pixels, rows, columns)
    assert found == pytest.approx(expected, abs=1e-9)


def test_halves_are_rounded_up_even_if_they_came_out_lower():
    assert prepare.whole(np.array([0.5, 1.5 - 1e-12, 2.4]) / 255, 255).tolist() == [1, 2, 2]


def test_colors_become_gray_by_their_brightness():
    colors = np.random.default_rng(2).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    colors[[0, -1]] = colors[:, [0, -1]] = 0
    gray = prepare.prepare(read_picture(colors), FASHION).steps[1].pixels
    expected = colors @ np.array([0.299, 0.587, 0.114])
    assert np.abs(255 * gray - expected).max() <= 0.51


def test_the_background_becomes_black_whether_it_is_bright_or_dark():
    """By hand: the median of the border is 40 of 255, so 210 becomes (210 - 40) / (255 - 40)."""
    gray = np.full((9, 9), 40.0)
    gray[3:6, 3:6] = 210
    gray[0, :2] = 45  # the background varies
    expected = np.zeros((9, 9))
    expected[3:6, 3:6] = 170 / 215
    assert prepare.blacken(gray / 255) == pytest.approx(expected)
    assert prepare.blacken(1 - gray / 255) == pytest.approx(expected)


def test_uneven_light_leaves_no_trace_and_a_thing_may_touch_the_border():
    gray = np.tile(np.linspace(0.1, 0.2, 50), (40, 1))
    gray[10:40, 20:30] = 0.8  # a quarter of the lower edge
    black = prepare.blacken(gray)
    assert (black > 0).sum() == 300
    assert prepare.trim(black).shape == (30, 10)


def test_margins_are_cut_off_and_dust_does_not_keep_them():
    black = np.zeros((200, 220))
    black[50:150, 70:130] = 0.5
    black[3, 4] = black[190, 20] = 1
    assert prepare.trim(black).tolist() == black[50:150, 70:130].tolist()


def test_sharpening_adds_the_difference_from_a_gaussian_blur():
    pixels = np.random.default_rng(4).uniform(0, 1, (9, 12))
    blurred = ndimage.gaussian_filter(pixels, 1, radius=1, mode="constant")
    expected = (2 * pixels - blurred).clip(0, 1)
    assert prepare.sharpen(pixels) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("target", "box", "expected"),
    [
        (FASHION, (56, 28), (slice(0, 28), slice(7, 21))),
        (FASHION, (28, 56), (slice(7, 21), slice(0, 28))),
        (DIGITS, (60, 30), (slice(0, 8), slice(2, 6))),
        (WIDE, (30, 30), (slice(1, 11), slice(5, 15))),  # the frame has 10 rows
    ],
)
def test_a_box_fills_the_frame_in_the_middle(target: Target, box: tuple, expected: tuple):
    picture = np.full((100, 120), 255, np.uint8)
    picture[20 : 20 + box[0], 30 : 30 + box[1]] = 0
    image = np.zeros(target.shape)
    image[expected] = 1
    image = abs(image - target.background) * target.white
    for given, inverted in ((picture, True), (255 - picture, False)):
        found = prepare.prepare(read_picture(given), target)
        assert found.image.tolist() == image.tolist()
        assert found.inverted == inverted
        assert found.size == (120, 100)


@pytest.mark.parametrize("target", [FASHION, DIGITS, WIDE])
def test_images_of_the_data_set_are_not_changed(target: Target):
    """Also if a thing touches the border; sharpening twice would change them."""
    pixels = np.random.default_rng(6).integers(0, target.white + 1, target.shape)
    pixels[[0, -1], 2:] = pixels[2:, [0, -1]] = target.background * target.white
    found = prepare.prepare(read_picture(pixels / target.white), target)
    assert (found.image == pixels).all()
    assert [step.name for step in found.steps] == ["Photo", "Gray", "Unchanged"]


def test_photos_become_as_large_as_what_the_images_show():
    pixels = np.zeros((5, 20, 10), np.uint8)
    pixels[:, 3:15, 4] = 16  # 12 of 20 rows
    assert prepare.framing(pixels) == (0, (12, 6))
    assert prepare.framing(16 - pixels) == (1, (12, 6))
    assert prepare.framing(0 * pixels) == (0, (1, 1))


def test_a_photo_with_noise_shadow_and_uneven_light_becomes_a_clean_image(tmp_path: Path):
    image = image_of(pictures.save(tmp_path, "photo.jpg"))
    assert image[14:, [*range(6), *range(22, 28)]].max() == 0  # beside the body
    assert image[4:26, 9:19].min() > 80
    assert image.any(axis=0).sum() > 24  # sleeves
