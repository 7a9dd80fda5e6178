"""What TensorFlow alone has. The other backends collect nothing here."""

import gc
import subprocess
import sys
import textwrap
import weakref

import keras
import numpy as np
import pytest
from backends import BACKEND

import plackett
from plackett import losses
from plackett.backend import for_fit
from plackett.training import Feed

if BACKEND == "tensorflow":
    import tensorflow as tf
    from own_models import LISTS, VALIDATION
    from test_fit import FEATURES, LABELS, linear
    from test_randomness import NOISY

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

    ANY = tf.TensorSpec([None, None], "float32")

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

    def test_documented_order_of_equal_labels_of_list_mle():
        for loss, labels, scores, value in (
            (losses.ListMLELoss(), [[1, 0]], [[0.6, 0.8]], 0.7981389),
            (losses.ListMLELoss(ragged=True), [[1, 0], [0, 1, 0]], [[0.6, 0.8], [0.5, 0.8, 0.4]], 1.1613163),
        ):
            tf.random.set_seed(42)
            np.testing.assert_allclose(float(loss(labels, scores)), value, rtol=1e-6)

    def test_documented_noise_of_yeti_logistic():
        """In a process of its own: the documented values are those of a generator that nobody seeded or used.

        The lambda weights there scale with the padded size, 3, of the first list too, which has 2 documents.
        """
        code = """
            from plackett.losses import YetiLogisticLoss
            print(float(YetiLogisticLoss(sample_size=2, seed=1)([[1, 0]], [[0.6, 0.8]])) / 2)
            loss = YetiLogisticLoss(reduction="none", seed=1, ragged=True)
            first, second = loss([[1, 0], [0, 1, 0]], [[0.6, 0.8], [0.5, 0.8, 0.4]])
            print(float(first * 3 / 2 + second) / 2 / 3)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        np.testing.assert_allclose([float(x) for x in done.stdout.split()], [0.90761846, 0.43420443], rtol=1e-6)

    @pytest.mark.parametrize(
        "loss",
        [
            losses.UniqueSoftmaxLoss(),
            losses.ApproxNDCGLoss(),
            losses.PairwiseLogisticLoss(lambda_weight=losses.NDCGLambdaWeight(topn=3)),
            losses.ListMLELoss(seed=1),
            losses.GumbelApproxNDCGLoss(seed=1),
        ],
        ids=lambda loss: loss.name,
    )
    def test_autograph_changes_nothing(loss):
        """What tf.function traces it translates, by the source, and all that it calls."""
        labels, scores = LABELS[:6].astype("float32"), FEATURES[:6, :, 0]
        translated = tf.function(lambda labels, scores: loss(labels, scores), input_signature=[ANY, ANY])
        as_it_is = tf.function(loss.__call__, input_signature=[ANY, ANY], autograph=False)
        np.testing.assert_allclose(translated(labels, scores), as_it_is(labels, scores), rtol=1e-6)

    def test_a_sparse_tensor_of_labels():
        labels, similarities = np.eye(4, 3)[[0, 1, 1, 3]], np.arange(16, dtype="float32").reshape(4, 4) / 8
        loss = losses.NpairsMultilabelLoss()
        expected = float(loss(labels, similarities))
        np.testing.assert_allclose(float(loss(tf.sparse.from_dense(labels), similarities)), expected, rtol=1e-6)

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

    def test_training_leaves_the_global_generator_alone():
        tf.random.set_seed(7)
        expected = float(tf.random.uniform(()))
        tf.random.set_seed(7)
        plackett.train(LISTS, VALIDATION, **NOISY)
        assert float(tf.random.uniform(())) == expected

    def test_an_error_in_a_batch_ends_fit_with_its_words():
        class Wrong(keras.utils.PyDataset):
            """Batches of which the third has another number of features, or cannot be made."""

            def __init__(self, wrong):
                super().__init__()
                self.wrong = wrong

            def __len__(self):
                return 4

            def __getitem__(self, i):
                features = np.ones((2, 8, 3), "float32")
                return (
                    {"features": self.wrong(features) if i == 2 else features},
                    np.ones((2, 8), "float32"),
                    np.ones(2),
                )

        def fail(features):
            raise ValueError("the disk is gone")

        def read(wrong):
            return list(for_fit(Wrong(wrong)))

        assert [len(batch) for batch in read(lambda x: x)] == [3] * 4
        with pytest.raises(tf.errors.InvalidArgumentError, match="the disk is gone"):
            read(fail)
        with pytest.raises(tf.errors.InvalidArgumentError, match="8,4"):
            read(lambda x: np.ones((2, 8, 4), "float32"))

    def test_batches_for_fit_live_as_long_as_they_are_read_and_no_longer():
        feed = Feed(LISTS, 4, seed=0)
        feed_there, count = weakref.ref(feed), len(feed)
        batches = iter(for_fit(feed).map(lambda *batch: batch))
        del feed
        gc.collect()
        assert sum(1 for _ in batches) == count
        del batches
        gc.collect()
        assert feed_there() is None
