"""A person's own file as a data set; every file that can't serve is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

from em_explorer.data.dataset import Dataset
from em_explorer.data.load_tables import load_counts, load_sequence, load_table
from em_explorer.data.load_texts import is_prose, load_letters, load_text
from em_explorer.data.reading import read_text

__all__ = [
    "load_counts",
    "load_file",
    "load_letters",
    "load_sequence",
    "load_table",
    "load_text",
]


def load_file(path: str | Path, model: str) -> Dataset:
    """Open a file for a model: the one entry for the dialog and the command line.

    Parameters
    ----------
    path : path
        A table (CSV, TSV, …) or plain text.
    model : str
        Key of the model in the registry.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        One sentence with the file's name: what is wrong and what to do.
    """
    path = Path(path)
    table = path.suffix.lower() in {".csv", ".tsv", ".tab", ".dat"}
    if model == "latent_dirichlet":
        return load_counts(path) if table else load_text(path)
    if model == "hidden_markov":
        return (
            load_letters(path) if not table and is_prose(read_text(path)) else load_sequence(path)
        )
    return load_table(path, model)
