"""The source's low-level TensorFlow functions, under its names, on features-major tensors.

The literal formulas come first; tests compare the training code with them.  They overflow: exp(100)
is infinite in float32, and log(0) follows.  Training therefore uses the stable forms below, which
are equal wherever the literal ones are finite.

Shapes: x is (features, n) float32, labels are one-hot (classes, n) float32, a layer's coefficients
are (units, inputs), its bias is () or (units, 1), and predictions are (classes, n).
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
    """exp(x) / sum exp(x) of each column (sample): (classes, n), columns sum to 1."""
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
    """The predictions (classes, n) of a net: hidden layers, then a softmax layer.

    One coefficients tensor and one bias per layer; a single pair is softmax regression.
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
    """delta * sum w: the source's formula for L1.  Unbounded below, so not a regularizer."""
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
    """Cross-entropy plus the L1 penalty; `signed` uses the source's sum without |.|."""
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
    """The fraction of samples whose most probable class is the labeled one.

    The source describes the sum of the hits; the percentages that it prints are means.
    """
    hits = tf.math.equal(tf.math.argmax(predictions, axis=0), tf.math.argmax(labels, axis=0))
    return tf.math.reduce_mean(tf.cast(hits, tf.float32))


# --------------------------------------------------------------------------- the stable forms
PENALTIES = {"l1": l1_penalty, "l1_signed": l1_signed_penalty, "l2": l2_penalty}


def penalty_of(kind: str, coefficients: Sequence[tf.Tensor], delta: float) -> tf.Tensor:
    """The penalty named `kind` (none, l1, l1_signed, l2), a scalar."""
    return tf.constant(0.0) if kind == "none" else PENALTIES[kind](coefficients, delta)


def cross_entropy_and_gradient(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The sum over samples of the cross-entropy of softmax(logits), and its gradient (classes, n).

    Without overflow: log softmax(z)_i = z_i - max z - log sum exp(z - max z).  The gradient w.r.t.
    z is softmax(z) - y (Bishop 2006, eq. 4.109).  A sum, not a mean, so that the chunks of a batch
    add up.  TensorFlow's function requires one row per sample, and transposing (classes, n) there
    and back would cost more than this computation.
    """
    shifted = logits - tf.math.reduce_max(logits, axis=0)
    exponentiated = tf.math.exp(shifted)
    total = tf.math.reduce_sum(exponentiated, axis=0)
    loss = tf.math.reduce_sum(tf.math.log(total)) - tf.math.reduce_sum(shifted * labels)
    return loss, exponentiated / total - labels


@tf.custom_gradient
def summed_cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
    """The sum of `cross_entropy_and_gradient`, differentiable by a gradient tape."""
    loss, by_logits = cross_entropy_and_gradient(logits, labels)
    return loss, lambda upstream: (upstream * by_logits, None)


def count_hits(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """The number of samples whose largest logit is that of the labeled class, as float32."""
    hits = tf.math.equal(tf.math.argmax(logits, axis=0), tf.math.argmax(labels, axis=0))
    return tf.math.reduce_sum(tf.cast(hits, tf.float32))
