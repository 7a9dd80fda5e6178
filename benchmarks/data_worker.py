"""Reads one file with one library, in its own environment, and prints a line of JSON; see `data.py`.

    python benchmarks/data_worker.py READER FOLDER FILE

READER is one of the public functions from `read_letor` to `write_elwc`. It imports its library and opens what is not to
be measured; the function that it returns is measured, once, and says how many documents there were. What that takes of
memory is the rise of the peak; it needs Linux.
"""

import contextlib
import importlib.metadata
import itertools
import json
import os
import pathlib
import sys
import tempfile
import time

FEATURES, BATCH_SIZE = 136, 32
NAMES, VECTOR = "names.tfrecord", "vector.tfrecord"
PACKAGES = ("polars", "pyarrow", "protobuf", "scikit-learn", "datasets", "tensorflow-cpu", "tensorflow-ranking")


def read_letor(path, scratch):
    """plackett, LETOR text into memory."""
    from plackett.data import read_letor

    return lambda: len(read_letor(path).labels)


def convert(path, scratch):
    """plackett, any format to Parquet."""
    from plackett.data import convert

    form = {"form": "elwc"} if path.suffix == ".tfrecord" else {}
    return lambda: sum(int(lengths.sum()) for lengths in convert([path], scratch / "out.parquet", **form).lengths)


def read_parquet(path, scratch):
    """plackett, Parquet into memory."""
    from plackett.data import read_parquet

    return lambda: len(read_parquet(path).labels)


def cache_first(path, scratch):
    """plackett, Parquet into arrays on disk, which are mapped into memory and read through."""
    return cache_again(path, scratch, scratch)


def cache_again(path, scratch, cache=None):
    """plackett, the same where the arrays are on disk already, beside the file."""
    from plackett.data import read_parquet

    def run():
        lists = read_parquet(path, cache=cache or path.with_name("cache"))
        lists.features.max()
        return len(lists.labels)

    return run


def batches(path, scratch):
    """plackett, an epoch of padded batches of lists that are in memory."""
    from plackett.data import Batches, read_parquet

    lists = read_parquet(path)
    return lambda: sum(int(inputs["mask"].sum()) for inputs, _, _ in Batches(lists, BATCH_SIZE, seed=0))


def tfrecord_tables(path, scratch):
    """plackett, TFRecord files of ExampleListWithContext into Arrow tables."""
    from plackett.data.formats.tfrecord import tfrecord_tables

    return lambda: sum(len(table["label"].combine_chunks().flatten()) for table in tfrecord_tables(path, form="elwc"))


def plain_polars(path, scratch):
    """polars alone, on lines that list all features in order: what the machine can do, without any check."""
    import polars as pl

    names = ["label", "qid:", *(f"{number}:" for number in range(1, FEATURES + 1))]
    fields = [pl.col(name).str.strip_prefix(name).cast(pl.Float32) for name in names if name != "qid:"]
    lines = pl.scan_csv(path, has_header=False, separator=" ", schema=dict.fromkeys(names, pl.String))
    return lambda: len(lines.select(*fields, pl.col("qid:").str.strip_prefix("qid:")).collect())


def load_svmlight_file(path, scratch):
    """scikit-learn, LETOR text into a sparse matrix in memory."""
    from sklearn.datasets import load_svmlight_file

    return lambda: load_svmlight_file(str(path), dtype="float32", query_id=True)[0].shape[0]


def load_dataset(path, scratch):
    """Hugging Face datasets, Parquet into Arrow files on disk, which are mapped into memory."""
    import datasets

    return lambda: len(_loaded(datasets, path, scratch).data["label"].combine_chunks().flatten())


def iterate_dataset(path, scratch):
    """Hugging Face datasets, a pass over what is loaded, in batches of NumPy arrays, one a list."""
    import datasets

    lists = _loaded(datasets, path, scratch).select_columns(["label", "features"]).with_format("numpy")
    return lambda: sum(sum(map(len, batch["features"])) for batch in lists.iter(BATCH_SIZE))


def _loaded(datasets, path, scratch):
    datasets.disable_progress_bars()
    return datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(scratch))


def build_ranking_dataset(path, scratch):
    """TensorFlow Ranking, TFRecord files of ExampleListWithContext into padded batches."""
    import tensorflow as tf
    import tensorflow_ranking as tfr

    widths = {"features": FEATURES} if path.name == VECTOR else {str(i + 1): 1 for i in range(FEATURES)}
    spec = {name: tf.io.FixedLenFeature([width], tf.float32, [0.0] * width) for name, width in widths.items()}
    spec["relevance"] = tf.io.FixedLenFeature([1], tf.float32, [-1.0])
    form = {"data_format": tfr.data.ELWC, "context_feature_spec": {}, "example_feature_spec": spec}
    lists = tfr.data.build_ranking_dataset(str(path), batch_size=BATCH_SIZE, num_epochs=1, shuffle=False, **form)
    return lambda: sum(int((batch["relevance"].numpy() >= 0).sum()) for batch in lists)


def write_elwc(path, scratch):
    """TensorFlow, writes the lists of `train.txt` as ExampleListWithContext: features by number, or as one vector."""
    import tensorflow as tf
    from tensorflow_serving.apis import input_pb2

    def record(lines):
        lists = input_pb2.ExampleListWithContext()
        for label, _, *fields in lines:
            document = lists.examples.add().features.feature
            document["relevance"].float_list.value.append(float(label))
            for name, _, value in (field.partition(":") for field in fields):
                name = "features" if path.name == VECTOR else name
                document[name].float_list.value.append(float(value))
        return lists

    def run():
        documents, partial = 0, scratch / path.name
        with path.with_name("train.txt").open() as file, tf.io.TFRecordWriter(str(partial)) as out:
            for _, lines in itertools.groupby(map(str.split, file), key=lambda line: line[1]):
                lists = record(lines)
                documents += len(lists.examples)
                out.write(lists.SerializeToString())
        partial.replace(path)
        return documents

    return run


def peak():
    """The high-water mark of this process's resident memory, in bytes.

    Not that of `resource`, which begins with the memory of the process that started this one.
    """
    return 1024 * int(pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])


def versions():
    """The versions of the libraries in this environment."""
    found = {each.name.lower().replace("_", "-"): each.version for each in importlib.metadata.distributions()}
    return {name: found[name] for name in PACKAGES if name in found}


def main():
    """Prints documents, seconds, seconds of the cores together, and bytes of memory."""
    reader, folder, name = sys.argv[1:]
    os.environ["KERAS_BACKEND"] = "torch"
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        read = globals()[reader](pathlib.Path(folder) / name, pathlib.Path(scratch))
        with contextlib.suppress(ImportError):
            import pandas  # noqa: F401 - where it is there, pyarrow imports it with its first array
        with contextlib.suppress(OSError):  # where Linux lets us: forget passing peaks of imports
            pathlib.Path("/proc/self/clear_refs").write_text("5")
        memory, cores, start = peak(), time.process_time(), time.perf_counter()
        documents = read()
        seconds, cores = time.perf_counter() - start, time.process_time() - cores
    result = {"documents": documents, "seconds": seconds, "cores": cores, "bytes": peak() - memory}
    print(json.dumps(result | {"versions": versions()}))


if __name__ == "__main__":
    main()
