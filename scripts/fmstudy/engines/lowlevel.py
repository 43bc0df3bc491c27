"""The source's low-level TensorFlow functions, under its names, on features-major tensors.

The literal formulas come first.  They are the reference that the tests hold the training code
against, and they overflow: exp(100) is infinite in float32, and log(0) follows.  So training
uses the stable forms below them, which are equal wherever the literal ones are finite.

Shapes: x is (features, n) float32, labels are one-hot (10, n) float32, a layer's coefficients
are (units, inputs), its bias is () or (units, 1), and predictions are (10, n).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

Layer = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, None]]


# ------------------------------------------------------------------------ the literal formulas
def pre_activation(x: tf.Tensor, coefficients: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """W x + b, of shape (units, n)."""
    return tf.math.add(tf.matmul(coefficients, x), bias)


def softmax_activation(x: tf.Tensor) -> tf.Tensor:
    """exp(x) / sum exp(x), each column (one sample) by itself: (10, n), columns sum to 1."""
    exponentiated = tf.math.exp(x)
    return tf.math.divide(exponentiated, tf.math.reduce_sum(exponentiated, axis=0))


def relu_layer(x: tf.Tensor, coefficients: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """max(W x + b, 0), of shape (units, n)."""
    return tf.math.maximum(pre_activation(x, coefficients, bias), 0.0)


def sigmoid_layer(x: tf.Tensor, coefficients: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """1 / (1 + exp(-(W x + b))), of shape (units, n)."""
    return tf.math.sigmoid(pre_activation(x, coefficients, bias))


def forward_pass(
    x: tf.Tensor,
    coefficients: Sequence[tf.Tensor],
    biases: Sequence[tf.Tensor],
    layer: Layer = relu_layer,
) -> tf.Tensor:
    """The predictions (10, n) of a net: hidden layers, then a softmax layer.

    One coefficients tensor and one bias a layer; a single pair is softmax regression.
    """
    *hidden, (last_coefficients, last_bias) = zip(coefficients, biases, strict=True)
    for layer_coefficients, layer_bias in hidden:
        x = layer(x, layer_coefficients, layer_bias)
    return softmax_activation(pre_activation(x, last_coefficients, last_bias))


def cross_entropy(predictions: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The mean over samples of -sum_i y_i log(p_i), in nats."""
    loss = tf.math.reduce_sum(
        tf.math.negative(tf.math.multiply(labels, tf.math.log(predictions))), axis=0
    )
    return tf.math.reduce_mean(loss)


def l1_penalty(coefficients: Sequence[tf.Tensor], delta: float) -> tf.Tensor:
    """delta * sum |w| over the weights of all layers (Tibshirani 1996, the lasso)."""
    return delta * tf.math.add_n([tf.math.reduce_sum(tf.math.abs(w)) for w in coefficients])


def l1_signed_penalty(coefficients: Sequence[tf.Tensor], delta: float) -> tf.Tensor:
    """delta * sum w: what the source writes for L1.  Unbounded below, so no regularizer."""
    return delta * tf.math.add_n([tf.math.reduce_sum(w) for w in coefficients])


def l2_penalty(coefficients: Sequence[tf.Tensor], delta: float) -> tf.Tensor:
    """delta * sum w^2 over the weights of all layers (ridge; no factor 1/2, as in the source)."""
    return delta * tf.math.add_n([tf.math.reduce_sum(tf.math.pow(w, 2)) for w in coefficients])


def cross_entropy_l1_regularization(
    predictions: tf.Tensor,
    labels: tf.Tensor,
    coefficients: Sequence[tf.Tensor],
    delta: float,
    signed: bool = False,
) -> tf.Tensor:
    """Cross-entropy plus the L1 penalty; `signed` takes the source's sum without the |.|."""
    penalty = l1_signed_penalty if signed else l1_penalty
    return tf.math.add(cross_entropy(predictions, labels), penalty(coefficients, delta))


def cross_entropy_l2_regularization(
    predictions: tf.Tensor,
    labels: tf.Tensor,
    coefficients: Sequence[tf.Tensor],
    delta: float,
) -> tf.Tensor:
    """Cross-entropy plus the L2 penalty."""
    return tf.math.add(cross_entropy(predictions, labels), l2_penalty(coefficients, delta))


def calculate_accuracy(predictions: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The share of samples whose most probable class is the labeled one.

    The source says it takes the sum of the hits; the percentages that it prints are means.
    """
    hits = tf.math.equal(tf.math.argmax(predictions, axis=0), tf.math.argmax(labels, axis=0))
    return tf.math.reduce_mean(tf.cast(hits, tf.float32))


# --------------------------------------------------------------------------- the stable forms
PENALTIES = {"l1": l1_penalty, "l1_signed": l1_signed_penalty, "l2": l2_penalty}


def penalty_of(kind: str, coefficients: Sequence[tf.Tensor], delta: float) -> tf.Tensor:
    """The penalty named `kind` (none, l1, l1_signed, l2), a scalar."""
    return tf.constant(0.0) if kind == "none" else PENALTIES[kind](coefficients, delta)


def cross_entropy_and_gradient(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The sum over samples of the cross-entropy of softmax(logits), and its gradient (10, n).

    Without overflow: log softmax(z)_i = z_i - max z - log sum exp(z - max z).  The gradient by z
    is softmax(z) - y (Bishop 2006, eq. 4.109).  A sum and not a mean, because the chunks of a
    batch add up to the batch.  TensorFlow's own function wants a row a sample: to turn (10, n)
    there and back would cost more than all of this.
    """
    shifted = logits - tf.math.reduce_max(logits, axis=0)
    exponentiated = tf.math.exp(shifted)
    total = tf.math.reduce_sum(exponentiated, axis=0)
    loss = tf.math.reduce_sum(tf.math.log(total)) - tf.math.reduce_sum(shifted * labels)
    return loss, exponentiated / total - labels


@tf.custom_gradient
def summed_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """The sum of `cross_entropy_and_gradient`, for a tape to go through."""
    loss, by_logits = cross_entropy_and_gradient(logits, labels)
    return loss, lambda upstream: (upstream * by_logits, None)


def count_hits(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """How many samples have their largest logit at the labeled class, as float32."""
    hits = tf.math.equal(tf.math.argmax(logits, axis=0), tf.math.argmax(labels, axis=0))
    return tf.math.reduce_sum(tf.cast(hits, tf.float32))
