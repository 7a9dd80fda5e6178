"""Two towers and a ranker on MovieLens-100K, beside popularity: recall@100 and NDCG@10, split by time.

    python benchmarks/retrieval_movielens.py [--seed N]... [--part validation|test]

Each user's ratings are split in the order of time, as `plackett.data.movielens_100k` does: the first 60 % train, the
next 20 % validate, the last 20 % test. A film is relevant to a user who gives it four stars (grade 1) or five (2).
Films that a user has rated before are neither candidates nor counted. Users without a relevant film in the part are
left out.

The first stage learns from the relevant films of the training part: the document is a film, the query a user as of
just before, known by the last films that the user liked, age, gender and occupation. Its epoch and all settings were
chosen on the validation part. The ranker learns from the 100 candidates of each user, graded by the validation part; a
fifth of the users, drawn by the seed, choose its epoch. When the test part is ranked, a user's last films are those of
both parts. Popularity is the number of ratings in the parts before. Numbers are means over the seeds, with the standard
deviation over them; p is of the paired randomisation test over users, of their means over the seeds.
"""

import argparse
import dataclasses
import itertools
import tempfile

import keras
import numpy as np
import plain
from rich.console import Console
from rich.table import Table as Shown

import plackett
from plackett import metrics, retrieval
from plackett.losses import InBatchSoftmaxLoss, in_batch_labels
from plackett.retrieval import Pipeline, Retrieved, Retriever, Table, TwoTowerModel, build_index, make_tower, open_index

LAST = 100  # films of a user that the query tower sees
CANDIDATES = 100
MEASURES = [metrics.get(name, empty="skip") for name in ("recall@100", "ndcg@10")]
TOWER = {"dimension": 64, "hidden": (64,), "embedding_dimension": 32}
OF_USER = ["gender", "occupation", "age", "liked"]
BATCH, EPOCHS, RATE, TEMPERATURE = 512, 8, 0.003, 0.1
RANKER = {"scorer": "mlp", "scorer_options": plain.NETWORK | {"hidden": [64, 32]}, "learning_rate": 0.002}
RANKER |= plain.TRAINING | {"patience": 10}


class Data:
    """Users, films, and who rated what in which part."""

    def __init__(self):
        training, validation, test = plackett.data.movielens_100k()  # of the same users in the same order
        self.parts = {"training": training, "validation": validation, "test": test}
        self.films = films_of(plackett.data.concatenate(list(self.parts.values())))
        self.users = training.queries
        first = training.row_splits[:-1]
        self.known = {name: training.ids[name][first] for name in ("gender", "occupation")}
        self.known["age"] = training.features[first, 0]

    def liked(self, *parts):
        """For each user the films with a grade in these parts, in the order of time."""
        of_parts = [[one.documents[one.labels > 0].tolist() for one in self.parts[part]] for part in parts]
        return [list(itertools.chain(*of_user)) for of_user in zip(*of_parts, strict=True)]

    def table(self, liked, rows=None):
        """Users who liked these films last; of rows=None all, with their ids."""
        whole = rows is None
        rows = np.arange(len(self.users)) if whole else rows
        columns = {name: values[rows] for name, values in self.known.items()}
        columns |= {"liked": [films[-LAST:] for films in liked], "user": self.users[rows]}
        return Table.of(columns, id="user" if whole else None)

    def judged(self, part):
        """{user: {film: grade}}."""
        lists = self.parts[part]
        grades = [dict(zip(one.documents.tolist(), one.labels.tolist(), strict=True)) for one in lists]
        return dict(zip(lists.queries.tolist(), grades, strict=True))

    def rated(self, *parts):
        """(users, films) of all ratings in these parts."""
        lists = [self.parts[part] for part in parts]
        users = [np.repeat(np.asarray(one.queries), one.lengths) for one in lists]
        return np.concatenate(users), np.concatenate([np.asarray(one.documents) for one in lists])

    def pairs(self):
        """(rows of users, what each liked before, films) of the relevant films in the training part."""
        liked = self.liked("training")
        rows = np.repeat(np.arange(len(liked)), list(map(len, liked)))
        before = [films[:place] for films in liked for place in range(len(films))]
        return rows, before, [film for films in liked for film in films]


def films_of(lists):
    """The table of the films that are rated anywhere."""
    ids = np.asarray(lists.documents)
    names, first = np.unique(ids.astype(str), return_index=True)
    genres = lists.features[first, 2:] > 0
    of_film = [np.asarray(lists.feature_names[2:])[one].tolist() for one in genres]
    return Table.of({"id": names, "film": names, "year": lists.features[first, 1], "genres": of_film})


def popularity(data, *parts):
    """[films], how many ratings each has in some parts."""
    return np.bincount(data.films.rows_of(data.rated(*parts)[1]), minlength=len(data.films))


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best recall@100 of validation."""

    def __init__(self, data):
        super().__init__()
        self.data, self.best, self.weights, self.history = data, -1.0, None, []
        self.users = data.table(data.liked("training"))
        self.judged = data.judged("validation")

    def on_epoch_end(self, epoch, logs=None):
        """Measures the first stage as it is."""
        found = first_stage(self.data, self.model, self.users, ["training"])
        value = retrieval.evaluate(found, self.judged, MEASURES)
        self.history.append(value)
        if value["recall@100"] > self.best:
            self.best, self.weights = value["recall@100"], self.model.get_weights()

    def on_train_end(self, logs=None):
        """Takes the best weights back."""
        self.model.set_weights(self.weights)


def retriever_of(data, model):
    """The first stage, its index in a folder that is left to the system."""
    folder = tempfile.mkdtemp()
    build_index(model, data.films, f"{folder}/films")
    return Retriever(model, open_index(f"{folder}/films"))


def first_stage(data, model, users, seen):
    """The best unseen films of each user."""
    pipeline = Pipeline(retriever_of(data, model), documents=data.films, candidates=CANDIDATES, features=["similarity"])
    return pipeline.rank(users, k=CANDIDATES, exclude=data.rated(*seen))


def train_towers(data, seed, log_q, **options):
    """(the model, its history)."""
    chosen = {"batch": BATCH, "epochs": EPOCHS, "rate": RATE, "temperature": TEMPERATURE, "tower": TOWER} | options
    keras.utils.set_random_seed(seed)
    rows, before, films = data.pairs()
    users, of_film = data.table(before, rows), data.films.rows_of(films)
    log_probability = np.log(np.bincount(of_film)[of_film]) if log_q else None
    model = TwoTowerModel(
        make_tower(users, columns=OF_USER, ids=OF_USER[:2], name="users", **chosen["tower"]),
        make_tower(data.films, name="films", **chosen["tower"]),
        temperature=chosen["temperature"],
    )
    model.compile(keras.optimizers.Adam(chosen["rate"]), InBatchSoftmaxLoss())
    best = BestEpoch(data)
    model.fit(
        {"query": users.inputs(model.query_tower), "document": data.films.take(of_film).inputs(model.document_tower)},
        in_batch_labels(films, queries=rows, log_probability=log_probability),
        batch_size=chosen["batch"],
        epochs=chosen["epochs"],
        verbose=0,
        callbacks=[best],
    )
    return model, best.history


class Features:
    """What the ranker is told of a user and a film, as of the parts before."""

    def __init__(self, data, model, *parts):
        self.popularity = np.log1p(popularity(data, *parts))
        self.embeddings = model.embed_documents(data.films.inputs(model.document_tower))
        genres = data.films["genres"]
        known = sorted(set(genres.values.tolist()))
        self.genres = np.zeros((len(genres), len(known)), "float32")
        self.genres[genres.row_of, [known.index(one) for one in genres.values.tolist()]] = 1
        self.films = data.films
        self.liked = dict(zip(data.users.tolist(), data.liked(*parts), strict=True))
        lists = [data.parts[part] for part in parts]
        rows = data.films.rows_of(data.rated(*parts)[1])
        grades = np.bincount(rows, np.concatenate([one.labels for one in lists]), len(data.films))
        self.grade = (grades + 3) / (np.bincount(rows, minlength=len(data.films)) + 5)

    def __call__(self, queries, documents, similarity, rank):
        """name -> [candidates]."""
        rows = self.films.rows_of(np.asarray(documents["film"]))
        nearest, share, newest = np.zeros((3, len(rows)), "float32")
        users = np.asarray(queries["user"])
        for user in np.unique(users):
            of_user, liked = users == user, self.films.rows_of(self.liked[user])
            if len(liked):
                cosines = self.embeddings[rows[of_user]] @ self.embeddings[liked].T
                nearest[of_user] = cosines.max(axis=1)
                newest[of_user] = cosines[:, -10:].mean(axis=1)
                share[of_user] = self.genres[rows[of_user]] @ self.genres[liked].mean(axis=0)
        return {
            "similarity": similarity,
            "log rank": np.log(rank),
            "popularity": self.popularity[rows],
            "mean grade": self.grade[rows],
            "year": documents["year"],
            "nearest": nearest,
            "newest": newest,
            "genres": share,
            "age": queries["age"],
        }


def train_ranker(data, model, seed):
    """What orders the candidates, from who liked what in the validation part."""
    users = data.table(data.liked("training"))
    pipeline = Pipeline(
        retriever_of(data, model),
        documents=data.films,
        candidates=CANDIDATES,
        features=Features(data, model, "training"),
    )
    lists = pipeline.training_lists(users, data.judged("validation"), exclude=data.rated("training"))
    lists, validation = plackett.data.split_queries(lists, 0.2, seed=seed)
    return plackett.train(lists, validation, loss="unique_softmax", metric="ndcg@10", seed=seed, **RANKER)


def popular(data, seen):
    """The most popular films that each user has not rated."""
    counts = popularity(data, *seen).astype("float64")
    scores = np.tile(counts, (len(data.users), 1))
    users, films = data.rated(*seen)
    place = {user: row for row, user in enumerate(data.users.tolist())}
    scores[[place[user] for user in users.tolist()], data.films.rows_of(films)] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")[:, :CANDIDATES]
    ids = np.asarray(data.films.ids)[order]
    return Retrieved(ids, order, np.take_along_axis(scores, order, axis=1), data.users)


def stages(data, seed, part):
    """name -> what is retrieved for the users in a part."""
    seen = ["training"] if part == "validation" else ["training", "validation"]
    users = data.table(data.liked(*seen))
    found = {"popularity": popular(data, seen)}
    for name, log_q in (("two towers without log q", False), ("two towers", True)):
        model, _ = train_towers(data, seed, log_q)
        found[name] = first_stage(data, model, users, seen)
    if part == "test":
        pipeline = Pipeline(
            retriever_of(data, model),
            train_ranker(data, model, seed),
            documents=data.films,
            candidates=CANDIDATES,
            features=Features(data, model, *seen),
        )
        found["two towers, ranked"] = pipeline.rank(users, k=CANDIDATES, exclude=data.rated(*seen))
    return found


def results_of(data, seeds, part):
    """(the results of each system, in the mean over the seeds, the deviation of its means over them)."""
    of_seeds = []
    for seed in seeds:
        of_seeds.append(retrieval.evaluate(stages(data, seed, part), data.judged(part), MEASURES))
        print(seed, dict(zip(of_seeds[-1].systems, of_seeds[-1].means().round(4).tolist(), strict=True)), flush=True)
    values = np.stack([results.values for results in of_seeds])
    spread = np.nanmean(values, axis=-1).std(axis=0, ddof=1) if len(seeds) > 1 else None
    return dataclasses.replace(of_seeds[0], values=values.mean(axis=0)), spread


def main():
    """Trains, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, action="append")
    parser.add_argument("--part", choices=["validation", "test"], default="test")
    given = parser.parse_args()
    results, spread = results_of(Data(), given.seed or [0, 1, 2], given.part)
    users = int((~np.isnan(results.values[0, 0])).sum())
    columns = itertools.chain(*((metric.name, "over seeds", "p") for metric in MEASURES))
    shown = Shown("", *columns, title=f"MovieLens-100K, {given.part}, {users} users")
    for row, (system, means) in enumerate(zip(results.systems, results.means(), strict=True)):
        cells = []
        for column, metric in enumerate(results.stated):
            over = "" if spread is None else f"{spread[row, column]:.4f}"
            cells += [f"{means[column]:.4f}", over, p_of(results, system, metric)]
        shown.add_row(system, *cells)
    Console(width=120).print(shown)
    print("p: beside popularity; of the ranked, beside the two towers")
    print(f"{keras.backend.backend()}, keras {keras.__version__}, plackett {plackett.__version__}")


def p_of(results, system, metric):
    """Of the difference to what stands before; "" = nothing does."""
    baseline = "two towers" if "ranked" in system else "popularity"
    pairs = plackett.compare(results, baseline).pairs
    return "".join(f"{one.p_randomisation:.4f}" for one in pairs if (one.system, one.metric) == (system, metric))


if __name__ == "__main__":
    main()
