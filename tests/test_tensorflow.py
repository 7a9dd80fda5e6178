"""What TensorFlow alone has. The other backends collect nothing here."""

import numpy as np
from backends import BACKEND

from plackett import losses

if BACKEND == "tensorflow":
    import tensorflow as tf
    from test_fit import FEATURES, LABELS, linear

    DOCUMENTED = [
        (losses.GumbelApproxNDCGLoss(seed=42), [[1, 0]], [[0.6, 0.8]], -0.8160851),
        (losses.GumbelApproxNDCGLoss(gumbel_temperature=2.0, seed=42), [[1, 0]], [[0.6, 0.8]], -0.7583889),
        (
            losses.GumbelApproxNDCGLoss(seed=42, ragged=True),
            [[1, 0], [0, 1, 0]],
            [[0.6, 0.8], [0.5, 0.8, 0.4]],
            -0.6987189,
        ),
    ]

    def test_documented_noise_of_gumbel_approx_ndcg():
        """The values in TensorFlow Ranking's documentation, in its order."""
        tf.random.set_seed(42)
        for loss, labels, scores, value in DOCUMENTED:
            np.testing.assert_allclose(float(loss(labels, scores)), value, rtol=1e-6)

    def test_documented_noise_of_coupled_rank_distil():
        tf.random.set_seed(1)
        loss = losses.CoupledRankDistilLoss(topk=2, sample_size=1)
        teacher, student = [[0, 2, 1], [1, 0, 2]], [[0, np.log(3), np.log(2)], [0, np.log(2), np.log(3)]]
        np.testing.assert_allclose(float(loss(teacher, student)), 2.138333, rtol=1e-6)

    def test_without_a_seed_the_global_one_repeats_the_noise():
        values = []
        for _ in range(2):
            tf.random.set_seed(3)
            values.append(float(losses.GumbelApproxNDCGLoss()([[1, 0]], [[0.6, 0.8]])))
        assert values[0] == values[1]

    def test_replicas_share_the_mean():
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
        with strategy.scope():
            model = linear()
            model.compile("sgd", loss=losses.UniqueSoftmaxLoss())
        data = tf.data.Dataset.from_tensor_slices((FEATURES, LABELS)).batch(8)
        got = model.evaluate(data, verbose=0)
        scores = np.asarray(model(FEATURES))
        np.testing.assert_allclose(got, float(losses.UniqueSoftmaxLoss()(LABELS, scores)), rtol=1e-5)
