import random

import numpy as np
import pytest

from em_explorer.data import reading
from em_explorer.data.assets import asset
from em_explorer.data.library import load_bundled
from em_explorer.data.loaders import load_file
from em_explorer.em.errors import DataError
from em_explorer.registry import MODELS, entry, load

GMM, HMM, LDA, MISSING = (row.key for row in MODELS)
KEYS = [row.key for row in MODELS]


@pytest.fixture
def write(tmp_path):
    def make(content, name="mine.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def prepare(dataset):
    row = entry(dataset.model)
    model = load(row.model)(load(row.options)(**dataset.options))
    return model.n_observations(model.prepare(dataset.values))


# Good files


def test_a_bundled_csv_opens_as_the_library_has_it():
    faithful = load_file(asset("data", "faithful.csv"), GMM)
    np.testing.assert_array_equal(faithful.values, load_bundled("old-faithful").values)
    assert (faithful.name, faithful.title) == ("faithful", "faithful.csv")
    assert faithful.columns == ("eruptions", "waiting")
    nile = load_file(asset("data", "nile.csv"), HMM)
    np.testing.assert_array_equal(nile.index, load_bundled("nile").index)
    assert nile.index_label == "year"
    quakes = load_file(asset("data", "earthquakes.csv"), HMM)
    np.testing.assert_array_equal(
        quakes.values.observations, load_bundled("earthquakes").values.observations
    )
    assert quakes.options["emission"] == "poisson"
    assert prepare(faithful) == 272
    assert prepare(nile) == 100
    assert prepare(quakes) == 107


def test_classes_are_the_truth_and_the_rest_is_told():
    penguins = load_file(asset("data", "penguins.csv"), GMM)
    assert len(penguins.values) == 342
    assert penguins.symbols == ("Adelie", "Gentoo", "Chinstrap")
    np.testing.assert_array_equal(penguins.truth.labels, load_bundled("penguins").truth.labels)
    assert "2 rows with empty cells" in penguins.story
    assert "“island”, “sex”" in penguins.story
    assert penguins.options == {"n_components": 3}


def test_holes_stay_for_missing_data():
    air = load_file(asset("data", "airquality.csv"), MISSING)
    assert air.values.shape == (153, 6)
    assert np.isnan(air.values).sum() == 44
    assert "44 empty cells" in air.story
    assert prepare(air) == 153


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1.5,2\n3,4.25\n5,-6e1\n",
        "a;b\n1,5;2\n3;4,25\n5;-60\n",
        "a\tb\n1.5\t2\n3\t4.25\n5\t-60\n",
        "a\tb\n1,5\t2\n3\t4,25\n5\t-60\n",
        "a|b\n1.5|2\n3|4.25\n5|-60\n",
        "a b\n1.5   2\n3  4.25\n  5 -60\n",
        "a, b\n 1.5, 2\n3, 4.25\n5, -60",
        '"a","b"\n"1.5","2"\n"3","4.25"\n"5","-60"\n',
        "\ufeffa,b\r\n1.5,2\r\n3,4.25\r\n\r\n5,-60\r\n",
        "a,b\r1.5,2\r3,4.25\r5,-60\r",
        "# made by a logger\n# units: s, m\na,b\n1.5,2\n3,4.25\n5,-60\n",
        "a,b,\n1.5,2,\n3,4.25,\n5,-60,\n",
        ",a,b\n0,1.5,2\n1,3,4.25\n2,5,-60\n",
        "a b\nr1 1.5 2\nr2 3 4.25\nr3 5 -60\n",
        '"a","b"\n"1",1.5,2\n"2",3,4.25\n"3",5,-60\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_usual_dialect_gives_the_same_table(write, text, encoding):
    dataset = load_file(write(text.lstrip("\ufeff").encode(encoding)), GMM)
    assert dataset.columns == ("a", "b")
    np.testing.assert_array_equal(dataset.values, [[1.5, 2], [3, 4.25], [5, -60]])
    with_mark = load_file(write(text), GMM)
    np.testing.assert_array_equal(with_mark.values, dataset.values)


def test_windows_text_and_tables_without_a_heading(write):
    dataset = load_file(write("größe;µ\n1;2\n3;5\n".encode("cp1252")), GMM)
    assert dataset.columns == ("größe", "µ")
    bare = load_file(write("1,2\n3,5\n4,4\n"), GMM)
    assert bare.columns == ("column 1", "column 2")
    assert bare.values.shape == (3, 2)
    twice = load_file(write("a,a,\n1,2,3\n3,5,1\n"), GMM)
    assert twice.columns == ("a", "a (2)", "unnamed 3")


@pytest.mark.parametrize("word", ["", "NA", "nan", "N/A", "?", ".", "-", "NULL", "missing"])
def test_words_for_not_known(write, word):
    dataset = load_file(write(f"a,b\n1,2\n{word},3\n4,9\n"), MISSING)
    np.testing.assert_array_equal(dataset.values, [[1, 2], [np.nan, 3], [4, 9]])


def test_constant_and_numbering_columns_are_left_out(write):
    dataset = load_file(write("id,x,flag\n1,0.5,7\n2,0.7,7\n3,0.1,7\n"), GMM)
    assert dataset.columns == ("x",)
    assert "Left out: “flag”." in dataset.story


def test_sequences_of_each_kind(write):
    dice = load_file(write("roll\n" + "\n".join("1365264" * 5)), HMM)
    assert dice.options == {"n_states": 2, "emission": "categorical", "n_symbols": 6}
    assert dice.symbols == tuple("123456")
    assert dice.values.observations[:4].tolist() == [0, 2, 5, 4]
    assert prepare(dice) == 35
    weather = load_file(write("day,weather\n1,rain\n2,sun\n3,rain\n4,snow\n"), HMM)
    assert weather.symbols == ("rain", "snow", "sun")
    assert weather.values.observations.tolist() == [0, 2, 0, 1]
    assert weather.index.tolist() == [1, 2, 3, 4]
    bare = load_file(write("A\nB\nA\nB\nB\n", "symbols.txt"), HMM)
    assert bare.values.observations.tolist() == [0, 1, 0, 1, 1]
    level = load_file(write("x,y\n0.5,1\n0.25,3\n2,2\n"), HMM)
    assert level.options["emission"] == "gaussian"
    assert level.values.observations.shape == (3, 2)
    below = load_file(write("x\n-1\n2\n1\n"), HMM)
    assert below.options["emission"] == "gaussian"
    assert below.values.observations.tolist() == [-1, 2, 1]
    assert [prepare(d) for d in (weather, bare, level, below)] == [4, 5, 3, 3]


def test_several_sequences_in_one_table(write):
    dataset = load_file(write("series,x\n1,0.5\n1,0.6\n2,3.5\n2,0.1\n2,0.2\n"), HMM)
    assert dataset.values.lengths == (2, 3)
    assert dataset.columns == ("x",)
    named = load_file(write("run,x\nlow,5\nlow,6\nhigh,35\n"), HMM)
    assert named.values.lengths == (2, 1)
    assert "2 sequences" in named.story
    with pytest.raises(DataError, match="mixed up"):
        load_file(write("run,x\nlow,5\nhigh,6\nlow,35\n"), HMM)


def test_text_becomes_letters(write):
    dataset = load_file(write("The cat sat on the mat,\nand purred. Quite so!\n", "t.txt"), HMM)
    assert len(dataset.symbols) == 27
    assert dataset.values.observations[:5].tolist() == [20, 8, 5, 0, 3]
    assert prepare(dataset) == len("the cat sat on the mat and purred quite so")
    genome = load_file(write(">virus 1\nACGTTA\nGGA\n", "v.fasta"), HMM)
    assert genome.symbols == tuple("ACGT")
    assert genome.values.observations.tolist() == [0, 1, 2, 3, 3, 0, 2, 2, 0]


def test_text_becomes_a_corpus(write):
    text = (
        "Whales swim in the sea. Whales sing.\n\nFinches sing; finches fly, and finches' beaks "
        "differ.\n\n...\n\nThe sea is deep; whales dive.\n"
    )
    dataset = load_file(write(text, "animals.txt"), LDA)
    assert dataset.vocabulary == ("finches", "sea", "sing", "whales")
    assert dataset.values.toarray().tolist() == [[0, 1, 1, 2], [3, 0, 1, 0], [0, 1, 0, 1]]
    assert dataset.documents[0] == "Whales swim in the sea."
    assert prepare(dataset) == 10
    lines = load_file(write("red green\nred blue\ngreen blue\n", "colors.txt"), LDA)
    assert lines.values.shape == (3, 3)


def test_tables_of_counts_become_a_corpus(write):
    dataset = load_file(write("doc,whale,sea\nfirst,2,1\nempty,0,0\nsecond,0,3\n"), LDA)
    assert dataset.vocabulary == ("whale", "sea")
    assert dataset.documents == ("first", "second")
    assert dataset.values.toarray().tolist() == [[2, 1], [0, 3]]
    assert "1 documents without words" in dataset.story
    assert prepare(dataset) == 6


# Bad files


@pytest.mark.parametrize("model", KEYS)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; choose"),
        (b" \n\n", "is empty; choose"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "is not a text file; save"),
        (bytes(range(1, 32)) * 20, "is not a text file; save"),
    ],
)
@pytest.mark.parametrize("name", ["bad.csv", "bad.txt"])
def test_no_model_opens_what_is_no_text(write, model, content, message, name):
    with pytest.raises(DataError, match=message) as error:
        load_file(write(content, name), model)
    assert f"“{name}”" in str(error.value)


@pytest.mark.parametrize("model", KEYS)
def test_no_model_opens_what_is_no_file(tmp_path, model):
    with pytest.raises(DataError, match=r"no file “none\.csv” in"):
        load_file(tmp_path / "none.csv", model)
    with pytest.raises(DataError, match="is a folder; choose a file in it"):
        load_file(tmp_path, model)


def test_a_huge_file_is_refused_before_it_is_read(write, monkeypatch):
    monkeypatch.setattr(reading, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="open a sample of its rows"):
        load_file(write("x\n" + "1\n" * 200), GMM)


@pytest.mark.parametrize("model", [GMM, MISSING, HMM])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# nothing\n", "holds only comments"),
        ("a,b\n", "has 0 rows of data; EM needs at least two"),
        ("a,b\n1,2\n", "has 1 row of data; EM needs at least two"),
        ("a,b\n1,2\n3,4,5\n6,7\n8,9\n", "has 2 columns, but line 3 has 3; mend"),
        ("a,b\n1,2\n3\n6,7\n8,9\n", "has 2 columns, but line 3 has 1; mend"),
        ("a,b\n1,2\n3,4\n5,oops\n6,7\n8,9\n9,9\n", "but “oops” in row 3 of the data; mend"),
        ("a,b\n1,2\n3,inf\n5,6\n", "an infinite or enormous value in row 2"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(write, model, text, message):
    with pytest.raises(DataError, match=message) as error:
        load_file(write(text), model)
    assert "“mine.csv”" in str(error.value)
    assert str(error.value).count("\n") == 0


@pytest.mark.parametrize(
    ("model", "text", "message"),
    [
        (GMM, "a,b\nx,y\nz,w\nu,v\n", "has no column of numbers"),
        (MISSING, "a,b\nx,y\nz,w\nu,v\n", "has no column of numbers"),
        (GMM, "a\n5\n5\n5\n", "No column of numbers in “mine.csv” varies"),
        (GMM, "a,b\n1,\n,2\n3,\n,4\n", "Fewer than two rows of “mine.csv” are complete"),
        (MISSING, "a,b\n1,NA\n2,NA\n3,NA\n", "Column “b” of “mine.csv” is empty"),
        (HMM, "a\n1.5\nNA\n2.5\n", "Row 2 of the data in “mine.csv” has an empty cell"),
        (HMM, "\n".join(f"w{i}" for i in range(70)), "neither a column of numbers nor"),
        (LDA, "text\nhello there\nsecond one\n", "is no table of word counts"),
        (LDA, "w,v\n1,2\n1.5,3\n", "row 2 of the data has 1.5 under “w”"),
        (LDA, "w,v\n1,2\n-1,3\n", "has -1 under “w”"),
        (LDA, "w,v\n0,0\n1,3\n", "Fewer than two rows of “mine.csv” hold any word"),
    ],
)
def test_what_a_model_cannot_use_is_said(write, model, text, message):
    with pytest.raises(DataError, match=message):
        load_file(write(text), model)


def test_texts_with_too_little_are_refused(write):
    with pytest.raises(DataError, match=r"“one\.txt” has too few words in separate documents"):
        load_file(write("A single line of words.", "one.txt"), LDA)
    with pytest.raises(DataError, match="hardly any letters from a to z"):
        load_file(write("Все счастливые семьи похожи друг на друга", "ru.txt"), HMM)


def test_unequal_quotes_do_not_swallow_the_file(write):
    with pytest.raises(DataError, match=r"“mine\.csv”"):
        load_file(write('a,b\n1,"2\n' + "3,4\n" * 40_000), GMM)


CELLS = ["1", "2", "3.5", "NA", "", "x", "y", "1e308", "1e400", "True", "-2", "1,5", '"', "9" * 20]


def scribble(r):
    if r.random() < 0.5:
        return "".join(
            r.choice('0123456789,;\t \n\n.."abcNA-|#xé') for _ in range(r.randrange(120))
        )
    mark, width = r.choice(",;\t |"), r.randrange(1, 4)
    lines = (mark.join(r.choice(CELLS) for _ in range(width)) for _ in range(r.randrange(1, 9)))
    return "\n".join(lines)


@pytest.mark.parametrize("model", KEYS)
@pytest.mark.parametrize("name", ["f.csv", "f.txt"])
def test_nothing_scribbled_gives_any_other_error(write, model, name):
    answers = []
    for seed in range(100):
        try:
            dataset = load_file(write(scribble(random.Random(seed)), name), model)
            answers.append("opened." if prepare(dataset) > 0 else "")
        except DataError as error:
            answers.append(str(error))
    assert all(answer.endswith(".") for answer in answers)
    assert len(set(answers)) >= 2  # some are opened or several reasons are given
