"""Read people's files: unknown encodings, delimiters and decimal marks; clear refusals."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

from em_explorer.data.dataset import Dataset
from em_explorer.em.errors import DataError

MAX_BYTES = 64 * 2**20
"""What a window can show of a larger file it can show of a sample of it."""

NA_WORDS = (
    "NA",
    "N/A",
    "#N/A",
    "NaN",
    "nan",
    "null",
    "NULL",
    "None",
    "?",
    ".",
    "-",
    "--",
    "missing",
)
"""Cells that mean "not known", besides the empty one."""

_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?$")
_DECIMAL_COMMA = re.compile(r"[-+]?\d*,\d+([eE][-+]?\d+)?$")


def read_text(path: str | Path) -> str:
    """Return the text of a file, whatever its encoding: UTF-8, UTF-16 or Windows-1252.

    Raises
    ------
    DataError
        When there is no such file, it is empty, too large, or no text.
    """
    path = Path(path)
    raw = _read_bytes(path)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in raw:
        raise _binary(path)
    else:
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    controls = len(re.findall(r"[\x00-\x08\x0e-\x1f\x7f]", text[:100_000]))
    if controls > 0.01 * min(len(text), 100_000):
        raise _binary(path)
    if not text.strip():
        raise DataError(f"“{path.name}” is empty; choose a file with data in it.")
    return text


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(f"“{path.name}” is a folder; choose a file in it.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(
                f"“{path.name}” has {size / 2**20:,.0f} MB, and at most {MAX_BYTES / 2**20:.0f} MB "
                "can be opened here; open a sample of its rows."
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(
            f"There is no file “{path.name}” in {path.parent}; choose another."
        ) from None
    except OSError as error:
        why = error.strerror or "it can't be read"
        raise DataError(
            f"“{path.name}” can't be opened ({why.lower()}); copy it elsewhere or choose another."
        ) from None


def _binary(path: Path) -> DataError:
    return DataError(
        f"“{path.name}” is not a text file; save the table as CSV or the document as plain text, "
        "and open that."
    )


def read_frame(path: str | Path) -> Any:
    """Read a delimited table of any usual dialect.

    Returns
    -------
    pandas.DataFrame
        Named columns, at least two rows; unnamed columns without values are dropped.

    Raises
    ------
    DataError
        For all that :func:`read_text` refuses, lines of unequal length and single rows.
    """
    import pandas as pd

    path = Path(path)
    rows = _rows(path, read_text(path))
    header = _header(rows)
    body = rows[1:] if header else rows
    if len(body) < 2:
        raise DataError(
            f"“{path.name}” has {len(body)} row{'' if len(body) == 1 else 's'} of data; "
            "EM needs at least two."
        )
    width = len(body[0])
    names = list(header) if header else [f"column {i + 1}" for i in range(width)]
    if header and len(names) == width - 1:
        names.insert(0, "row")
    buffer = io.StringIO()
    csv.writer(buffer).writerows([_unique(names), *body])
    buffer.seek(0)
    frame = pd.read_csv(
        buffer,
        decimal="," if _decimal_comma(body) else ".",
        na_values=list(NA_WORDS),
        skipinitialspace=True,
        low_memory=False,
        index_col=False,
    )
    empty = [
        name for name in frame if str(name).startswith("unnamed ") and frame[name].isna().all()
    ]
    return frame.drop(columns=empty)


def _rows(path: Path, text: str) -> list[list[str]]:
    """Split a text into rows of cells of one length."""
    lines = text.split("\n")
    while lines and (not lines[0].strip() or lines[0].lstrip().startswith("#")):
        lines.pop(0)
    if not lines:
        raise DataError(f"“{path.name}” holds only comments; choose a file with data in it.")
    skipped = text.count("\n") + 1 - len(lines)
    delimiter = _delimiter(lines[:200])
    if delimiter == " ":
        reader = csv.reader(("\t".join(line.split()) for line in lines), delimiter="\t")
    else:
        reader = csv.reader(lines, delimiter=delimiter)
    rows: list[list[str]] = []
    numbers: list[int] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append([cell.strip() for cell in row])
                numbers.append(reader.line_num + skipped)
    except csv.Error:
        raise DataError(
            f"“{path.name}” can't be read as a table (line {reader.line_num + skipped}); "
            "save it as CSV and open that."
        ) from None
    if not rows:
        raise DataError(f"“{path.name}” holds no values; choose a file with data in it.")
    _check_widths(path, rows, numbers)
    return rows


def _check_widths(path: Path, rows: list[list[str]], numbers: list[int]) -> None:
    first, *others = (len(row) for row in rows)
    width = Counter(others).most_common(1)[0][0] if others else first
    fits = {width}
    # R writes row names without a heading: its first line is one cell shorter.
    unnamed = first == width - 1 and len(others) > 1 and _header(rows) is not None
    if first != width and not unnamed:
        width, fits = first, {first}
    for i, row in enumerate(rows):
        if len(row) not in fits and not (i == 0 and unnamed):
            raise DataError(
                f"“{path.name}” has {width} columns, but line {numbers[i]} has {len(row)}; "
                "mend that line and open it again."
            )


def _delimiter(lines: list[str]) -> str:
    """Return the sign that cuts most lines into one number of cells, more than one."""
    words = [line.split() for line in lines[1:] if line.strip()]
    several = bool(words) and all(len(row) == len(words[0]) > 1 for row in words)
    if several and all(_is_number(cell) for row in words for cell in row):
        return "\t" if all("\t" in line for line in lines if line.strip()) else " "
    best, best_share = "", 0.0
    for sign in ("\t", ";", "|", ","):
        widths = Counter(
            len(row) for row in csv.reader(lines, delimiter=sign) if any(c.strip() for c in row)
        )
        width, often = widths.most_common(1)[0] if widths else (0, 0)
        if width > 1 and often / widths.total() > best_share:
            best, best_share = sign, often / widths.total()
    if best:
        return best
    return " " if several else ","


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.match(cell)) or cell in NA_WORDS


def _header(rows: list[list[str]]) -> list[str] | None:
    """Return the first row where it names the columns; numbers name nothing."""
    first = rows[0]
    if all(_is_number(cell) or not cell for cell in first):
        return None
    # A column of symbols without a heading: its first symbol comes again further down.
    textual = not any(_is_number(cell) for row in rows[1:50] for cell in row if cell)
    body = rows[1:]
    if textual and body and len(first) == len(body[0]):
        again = all(any(row[i] == cell for row in body) for i, cell in enumerate(first))
        if again:
            return None
    return first


def _decimal_comma(body: list[list[str]]) -> bool:
    comma = point = 0
    for row in body[:1000]:
        for cell in row:
            comma += bool(_DECIMAL_COMMA.match(cell))
            point += bool(_NUMBER.match(cell)) and "." in cell
    return comma > 0 and point == 0


def _unique(names: list[str]) -> list[str]:
    """Return names that are neither empty nor twice the same."""
    result: list[str] = []
    for i, name in enumerate(names):
        unique, copy = name or f"unnamed {i + 1}", 2
        while unique in result:
            unique, copy = f"{name} ({copy})", copy + 1
        result.append(unique)
    return result


def opened(
    path: Path, model: str, values: Any, story: str, left_out: list[str], **more: Any
) -> Dataset:
    """Describe an opened file as a data set, with what was left out at the end of its story."""
    if left_out:
        story += f" Left out: {', '.join(left_out)}."
    name = re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "file"
    return Dataset(name, path.name, model, values, story=story, source=path.name, **more)
