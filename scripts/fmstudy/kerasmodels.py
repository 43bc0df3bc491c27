"""Part B: the Keras models, their training in mini-batches, and their evaluation.

The data come features-major, as everywhere in the study, and are turned once to the
samples-major form that Keras expects: x (n, 784), labels (n,).
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from fmstudy.device import OPTIMIZERS
from fmstudy.initial import batch_order, initial_weights
from fmstudy.records import DIVERGED, FINISHED, History, Stopwatch, Training, diverged
from fmstudy.runtime import Progress
from fmstudy.spec import CLASSES, FEATURES, RunSpec

EVALUATED_AT_ONCE = 10_000  # samples


def build_model(spec: RunSpec, seed: int) -> keras.Model:
    """A stack of Dense, activation and Dropout layers that gives logits (n, 10).

    Batch normalization stands before or after the activation; before it, the Dense layer has no
    bias.  The softmax belongs to the loss: the stable form.  Initial weights are those that
    `initial` gives to this seed, dropout masks follow (seed, layer).
    """
    inputs = x = keras.Input((FEATURES,))
    for layer, units in enumerate(spec.hidden):
        biased = spec.batch_norm != "before"
        x = keras.layers.Dense(units, use_bias=biased, name=f"dense{layer}")(x)
        if spec.batch_norm == "before":
            x = _batch_normalization(spec, layer)(x)
        x = keras.layers.Activation(spec.activation)(x)
        if spec.batch_norm == "after":
            x = _batch_normalization(spec, layer)(x)
        if spec.dropout:
            x = keras.layers.Dropout(spec.dropout, seed=1000 * seed + layer)(x)
    logits = keras.layers.Dense(CLASSES, name=f"dense{len(spec.hidden)}")(x)
    model = keras.Model(inputs, logits)
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for layer, weights in zip(dense, initial_weights(spec, seed), strict=True):
        layer.kernel.assign(weights.T)
    model.compile(
        optimizer=OPTIMIZERS[spec.optimizer](learning_rate=spec.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=_steps_at_once(_steps(spec)),
        # XLA makes dropout many times slower on a CPU and gains little elsewhere.
        jit_compile=False,
    )
    return model


def _batch_normalization(spec: RunSpec, layer: int) -> keras.layers.Layer:
    return keras.layers.BatchNormalization(
        momentum=spec.bn_momentum, epsilon=spec.bn_epsilon, name=f"normalization{layer}"
    )


def _steps(spec: RunSpec) -> int:
    """Steps of one epoch; the last batch may be smaller."""
    assert spec.batch_size is not None
    return -(-spec.fitted_samples // spec.batch_size)


def _steps_at_once(steps: int, most: int = 50) -> int:
    """The largest divisor of `steps` up to `most`: so many steps run without going to Python."""
    return max(count for count in range(1, min(steps, most) + 1) if steps % count == 0)


def batches(x: np.ndarray, labels: np.ndarray, spec: RunSpec, seed: int) -> tf.data.Dataset:
    """All batches of all epochs, in an order that the seed alone decides.

    x (n, 784) float32, labels (n,) int64.  Keras' own shuffling would depend on what else draws
    random numbers in the process; this order is shared by all models with the same seed.
    """
    samples, size, steps = x.shape[0], spec.batch_size, _steps(spec)
    orders = np.stack([batch_order(samples, seed, epoch) for epoch in range(1, spec.epochs + 1)])
    x_all, labels_all = tf.constant(x), tf.constant(labels)
    order_all = tf.constant(orders.astype(np.int32))

    def batch(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        start = (step % steps) * size
        chosen = order_all[step // steps, start : start + size]
        return tf.gather(x_all, chosen), tf.gather(labels_all, chosen)

    dataset = tf.data.Dataset.range(spec.epochs * steps).map(batch)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    return dataset.with_options(options)


def predict(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Logits (n, 10) float32 of a model in inference mode."""
    infer = _compiled(model)
    starts = range(0, x.shape[0], EVALUATED_AT_ONCE)
    return np.concatenate([infer(x[i : i + EVALUATED_AT_ONCE]).numpy() for i in starts])


def _compiled(model: keras.Model) -> tf.types.experimental.PolymorphicFunction:
    if not hasattr(model, "_infer"):
        model._infer = tf.function(lambda x: model(x, training=False), reduce_retracing=True)
    return model._infer


def score(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cross-entropy (nats) and accuracy of a model in inference mode."""
    logits = predict(model, x)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    hits = logits.argmax(axis=1) == labels
    return float(np.mean(losses.numpy(), dtype=np.float64)), float(np.mean(hits))


class _Follow(keras.callbacks.Callback):
    """After each epoch, evaluates the training and the validation part in inference mode.

    Keras' own training figures are means over an epoch in which the parameters change, with
    dropout switched on: they cannot be held against validation figures, so they are kept apart
    as the split `running`.
    """

    def __init__(
        self,
        history: History,
        parts: dict[str, tuple[np.ndarray, np.ndarray]],
        watch: Stopwatch,
        progress: Progress,
    ) -> None:
        super().__init__()
        self.history, self.parts = history, parts
        self.watch, self.progress = watch, progress
        self.epochs_done, self.status = 0, FINISHED

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.evaluate(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None
        self.epochs_done = epoch + 1
        self.history.add(epoch + 1, "running", logs["loss"], 0.0, logs["accuracy"])
        losses = self.evaluate(epoch + 1)
        self.progress.update(epoch + 1, f"loss {logs['loss']:.4f}")
        # The running loss does not know yet what the epoch's last step has done.
        if diverged(logs["loss"], *losses):
            self.status = DIVERGED
            self.model.stop_training = True

    def evaluate(self, epoch: int) -> list[float]:
        """Note loss and accuracy of every part after `epoch` epochs; give the losses."""
        losses = []
        with self.watch.measure("evaluation"):
            for split, (x, labels) in self.parts.items():
                loss, accuracy = score(self.model, x, labels)
                self.history.add(epoch, split, loss, 0.0, accuracy)
                losses.append(loss)
        return losses


def train_keras(
    spec: RunSpec,
    seed: int,
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
) -> Training:
    """Train a Keras model on `train` and test it once at the end on `test`.

    Both are features-major: x (784, n) and one-hot labels (10, n).  The last
    `spec.validation_split` of the training samples are held out for validation.
    """
    x, labels = _samples_major(*train)
    cut = spec.fitted_samples
    fitted, validation = (x[:cut], labels[:cut]), (x[cut:], labels[cut:])
    keras.utils.set_random_seed(seed)
    model = build_model(spec, seed)
    history, watch = History(), Stopwatch()
    progress = Progress(f"{spec.name}, seed {seed}", spec.epochs, "epochs")
    follow = _Follow(history, {"train": fitted, "validation": validation}, watch, progress)
    with watch.measure("training"):
        model.fit(
            batches(*fitted, spec, seed),
            steps_per_epoch=_steps(spec),
            epochs=spec.epochs,
            callbacks=[follow],
            shuffle=False,  # `batches` is shuffled already
            verbose=0,
        )
    watch.seconds["training"] -= watch.seconds["evaluation"]  # it ran inside the fit
    x_test, test_labels = _samples_major(*test)
    history.add(follow.epochs_done, "test", *_between(score(model, x_test, test_labels)))
    probabilities = tf.nn.softmax(predict(model, x_test)).numpy()
    weights = {
        f"{layer.name}-{weight.name}": weight.numpy()
        for layer in model.layers
        for weight in layer.weights
        if "seed_generator" not in weight.path
    }
    return Training(
        follow.status, follow.epochs_done, history, probabilities.T, weights, watch.seconds
    )


def _between(loss_and_accuracy: tuple[float, float]) -> tuple[float, float, float]:
    loss, accuracy = loss_and_accuracy
    return loss, 0.0, accuracy  # the Keras models have no penalty


def _samples_major(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(x.T), labels.argmax(axis=0)
