"""Part B: the Keras models, their training in mini-batches, and their evaluation.

The data are features-major, as everywhere in the study, and are transposed once to the
samples-major form that Keras expects: x (n, features), labels (n,).  Models, losses and optimizers
are from Keras; the loop over the steps of an epoch is our own and compiled, which is faster than
`fit` with its input pipeline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from fmstudy.engines.device import OPTIMIZERS, compiled, samples_major
from fmstudy.engines.initial import batch_order, initial_weights
from fmstudy.engines.records import History, Stopwatch, Training, has_diverged
from fmstudy.runtime import Progress
from fmstudy.study.spec import DIVERGED, FINISHED, RunSpec

EVALUATION_CHUNK = 2_000  # samples; 800 units of them are 6.4 MB

Samples = tuple[tf.Tensor, tf.Tensor]  # x (n, features) float32, labels (n,) int64


def build_model(spec: RunSpec, seed: int) -> keras.Model:
    """Build a stack of Dense, activation and Dropout layers that computes logits (n, classes).

    Batch normalization comes before or after the activation; if before, the Dense layer has no
    bias.  The loss includes the softmax, for numerical stability.  The seed determines the initial
    weights (see `initial`) and, with the layer, the dropout masks.
    """
    inputs = x = keras.Input((spec.features,))
    for layer, units in enumerate(spec.hidden):
        biased = spec.batch_norm != "before"
        x = keras.layers.Dense(units, use_bias=biased, name=f"dense{layer}")(x)
        if spec.batch_norm == "before":
            x = _batch_normalization(spec, layer)(x)
        x = keras.layers.Activation(spec.activation)(x)
        if spec.batch_norm == "after":
            x = _batch_normalization(spec, layer)(x)
        if spec.dropout:
            x = Dropout(spec.dropout, seed=1000 * seed + layer)(x)
    logits = keras.layers.Dense(spec.classes, name=f"dense{len(spec.hidden)}")(x)
    model = keras.Model(inputs, logits)
    set_coefficients(model, initial_weights(spec, seed))
    model.compile(
        optimizer=OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,  # no faster here
    )
    return model


def set_coefficients(model: keras.Model, weights: Sequence[np.ndarray]) -> None:
    """Set the coefficients of each Dense layer to `weights`, (units, inputs)."""
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, coefficients in zip(dense, weights, strict=True):
        layer.kernel.assign(coefficients.T)


def _batch_normalization(spec: RunSpec, layer: int) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(
        momentum=spec.bn_momentum, epsilon=spec.bn_epsilon, name=f"normalization{layer}"
    )


class Dropout(keras.layers.Dropout):
    """Keras' dropout with half of the random bits: 16 per output.

    The dropout rate is rounded to a multiple of 2^-16, but not to 1; the other outputs are scaled
    by exactly the inverse of the remaining fraction, which preserves the mean.  The bits depend on
    the layer's seed and the number of calls.
    """

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Apply dropout to inputs (n, units) in training."""
        if not training:
            return inputs
        dropped = min(round(self.rate * 2**16), 2**16 - 1)
        count, seed = tf.size(inputs), tf.cast(self.seed_generator.next(), tf.int64)
        # Each 64-bit random number serves four outputs.
        drawn = tf.random.stateless_uniform([-(-count // 4)], seed, None, None, tf.uint64)
        bits = tf.reshape(tf.bitcast(drawn, tf.uint16), [-1])[:count]
        kept = tf.reshape(bits, tf.shape(inputs)) >= tf.constant(dropped, tf.uint16)
        return inputs * tf.where(kept, 2**16 / (2**16 - dropped), 0.0)


def compiled_epoch(
    model: keras.Model, samples: Samples, size: int
) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Return a function that trains one epoch on batches of `size`, in the order (n,) it is given.

    It returns the mean loss and accuracy over the epoch, while the parameters change and dropout
    is active, as `fit` reports them.  The last batch is smaller if `size` does not divide n.
    """
    x, labels = samples
    model.optimizer.build(model.trainable_variables)

    def step(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Take a step on the chosen samples; return their summed loss and number of hits."""
        batch, targets = tf.gather(x, chosen), tf.gather(labels, chosen)
        with tf.GradientTape() as tape:
            logits = model(batch, training=True)
            loss = model.loss(targets, logits)
        variables = model.trainable_variables
        model.optimizer.apply(tape.gradient(loss, variables), variables)
        hits = tf.equal(tf.argmax(logits, axis=1), targets)
        count = tf.cast(tf.size(chosen), tf.float32)
        return loss * count, tf.reduce_sum(tf.cast(hits, tf.float32))

    def epoch(order: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        def body(
            start: tf.Tensor, loss: tf.Tensor, hits: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            added = step(order[start : start + size])
            return start + size, loss + added[0], hits + added[1]

        _, loss, hits = tf.while_loop(
            lambda start, *_: start < tf.size(order), body, (0, 0.0, 0.0), parallel_iterations=1
        )
        count = tf.cast(tf.size(order), tf.float32)
        return loss / count, hits / count

    return compiled(epoch, input_signature=[tf.TensorSpec((None,), tf.int32)])


def predict(model: keras.Model, x: tf.Tensor | np.ndarray) -> np.ndarray:
    """Return the logits (n, classes) float32 of a model in inference mode, for x (n, features)."""
    infer = _compiled(model, x.shape[1])
    starts = range(0, x.shape[0], EVALUATION_CHUNK)
    return np.concatenate([infer(x[i : i + EVALUATION_CHUNK]).numpy() for i in starts])


def _compiled(model: keras.Model, features: int) -> tf.types.experimental.PolymorphicFunction:
    if not hasattr(model, "_infer"):
        model._infer = compiled(
            lambda x: model(x, training=False),
            input_signature=[tf.TensorSpec((None, features), tf.float32)],
        )
    return model._infer


def score(
    model: keras.Model, x: tf.Tensor | np.ndarray, labels: tf.Tensor | np.ndarray
) -> tuple[float, float]:
    """Return the mean cross-entropy (nats) and accuracy of a model in inference mode."""
    return score_logits(predict(model, x), labels)


def score_logits(logits: np.ndarray, labels: tf.Tensor | np.ndarray) -> tuple[float, float]:
    """Return the mean cross-entropy (nats) and accuracy of logits (n, classes), for labels (n,)."""
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    hits = logits.argmax(axis=1) == np.asarray(labels)
    return float(np.mean(losses.numpy(), dtype=np.float64)), float(np.mean(hits))


def train_keras(
    spec: RunSpec,
    seed: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> Training:
    """Train a Keras model on `train` and test it once, at the end, on `test`.

    Both are features-major: x (features, n) and one-hot labels (classes, n).  The last
    `spec.validation_split` of the training samples are held out for validation.  After each epoch,
    the validation part and the first `spec.followed_samples` of the others are evaluated in
    inference mode: the splits `validation` and `train` of the history.  If these are not all, all
    fitted samples are evaluated at the end: the split `train_all`.

    The metrics that Keras itself reports are means over an epoch in which the parameters change,
    with dropout active.  They are not comparable to validation metrics, so the history has them as
    the separate split `running`.
    """
    assert spec.batch_size is not None
    (x, labels), cut = train, spec.fitted_samples
    fitted = _samples_major(x[:, :cut], labels[:, :cut])
    followed = fitted[0][: spec.followed_samples], fitted[1][: spec.followed_samples]
    validation = _samples_major(x[:, cut:], labels[:, cut:])
    model = build_model(spec, seed)
    run_epoch = compiled_epoch(model, fitted, spec.batch_size)
    history, watch, status = History(), Stopwatch(), FINISHED
    progress = Progress(f"{spec.name}, seed {seed}", spec.epochs, "epochs")

    def evaluate(epoch: int) -> list[float]:
        """Record loss and accuracy of both parts after `epoch` epochs; return the losses."""
        with watch.measure("evaluation"):
            scores = {"train": score(model, *followed), "validation": score(model, *validation)}
        for split, found in scores.items():
            history.add(epoch, split, *_without_penalty(found))
        return [loss for loss, _ in scores.values()]

    epoch = 0
    evaluate(epoch)
    for epoch in range(1, spec.epochs + 1):
        order = tf.constant(batch_order(cut, seed, epoch).astype(np.int32))
        with watch.measure("training"):
            loss, accuracy = (float(value) for value in run_epoch(order))
        history.add(epoch, "running", loss, 0.0, accuracy)
        losses = evaluate(epoch)
        progress.update(epoch, f"loss {loss:.4f}")
        # The running loss does not include the effect of the epoch's last step.
        if has_diverged(loss, *losses):
            status = DIVERGED
            break
    if spec.followed_samples < cut:
        with watch.measure("evaluation"):
            found = score(model, *fitted)
        history.add(epoch, "train_all", *_without_penalty(found))
        if has_diverged(found[0]):
            status = DIVERGED
    x_test, test_labels = _samples_major(*test)
    logits = predict(model, x_test)
    history.add(epoch, "test", *_without_penalty(score_logits(logits, test_labels)))
    probabilities = tf.nn.softmax(logits).numpy()
    weights = {
        f"{layer.name}-{weight.name}": weight.numpy()
        for layer in model.layers
        for weight in layer.weights
        if "seed_generator" not in weight.path
    }
    return Training(status, epoch, history, probabilities.T, weights, watch.seconds)


def _without_penalty(loss_and_accuracy: tuple[float, float]) -> tuple[float, float, float]:
    loss, accuracy = loss_and_accuracy
    return loss, 0.0, accuracy  # the Keras models have no penalty


def _samples_major(x: np.ndarray, labels: np.ndarray) -> Samples:
    return samples_major(x), tf.constant(labels.argmax(axis=0))
