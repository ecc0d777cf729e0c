"""Which rows of a table are judged: those of one data set, split or class."""

import shlex
from collections.abc import Mapping

from unetlite.errors import UsageError
from unetlite.judge.columns import Columns, match_column, plain_name
from unetlite.judge.tables import Table

SUBSETS = {"data", "data_set", "dataset", "dataset_name", "set", "split", "subset"}
"""Names of columns whose values are not to be judged together."""

NAMED = 6  # values in a message


def select_rows(table: Table, where: Mapping[str, str]) -> Table:
    """The rows in which these columns have these values, without these columns.

    Raises UsageError if there are none.
    """
    for name, value in where.items():
        option = f"--where {name}={value}"
        column = match_column(table, option, name)
        if value not in table.columns[column]:
            raise UsageError(
                f"{option}: {table.source} has no such row; the {column} is "
                f"{list_values(table, column)}."
            )
        table = table.select(column, value)
    return table


def check_subsets(table: Table, columns: Columns) -> None:
    """Raises UsageError for the scores of several data sets or splits in one table."""
    for column in columns.unused(table):
        if plain_name(column) in SUBSETS and len(set(table.columns[column])) > 1:
            option = where_option(table, column)
            raise UsageError(
                f"{table.source} has scores of more than one {column} "
                f"({list_values(table, column)}); judge one at a time, as {option}."
            )


def list_values(table: Table, column: str) -> str:
    """The values of a column, as they come; of many the first."""
    values = list(dict.fromkeys(table.columns[column]))
    text = ", ".join(values[:NAMED])
    if len(values) > NAMED:
        text += f" and {len(values) - NAMED} more"
    return text


def where_option(table: Table, column: str) -> str:
    """The option for the rows with the first value of a column."""
    choice = f"{column}={table.columns[column][0]}"
    return f"--where {shlex.quote(choice)}"
