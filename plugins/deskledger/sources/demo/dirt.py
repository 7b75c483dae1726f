"""A dash of dirt, as every export has it: five rows of the newest month, all on tickets that no contract covers."""

import numpy as np
import pandas as pd

from deskledger.sources.demo.scene import ACCOUNTS, INTERNAL, SEVERITIES

# Kind of dirt -> its fate in the flow, in the order in which tickets are spoilt.
KINDS = {
    "unknown status": "quarantined",
    "unparsable instant": "quarantined",
    "event before its ticket": "quarantined",
    "row written twice": "unchanged",
    "row corrected later": "superseded",
}
UNKNOWN_STATUS = "Parked"
UNPARSABLE = "2026-02-30T25:61:00"


def soil(rows: pd.DataFrame, month: str, later: str | None) -> tuple[pd.DataFrame, dict[str, str]]:
    """`rows` with the dirt in the file of `month`, and the ticket that each kind of dirt is on.

    `later` is the partition whose file has a row of that month once more, corrected; None: nothing comes later.

    One ticket a kind: the month's first internal tickets with at least four rows in its file, none created on
    the month's first day. With fewer such tickets there is less dirt.
    """
    spoilt, middle = chosen(rows, month, later)
    rows = rows.copy()
    if "unknown status" in middle:
        rows.loc[middle["unknown status"], "state"] = UNKNOWN_STATUS
    if "unparsable instant" in middle:
        rows.loc[middle["unparsable instant"], "at"] = UNPARSABLE
    if "event before its ticket" in middle:
        early = middle["event before its ticket"]
        created = pd.Timestamp(str(rows.loc[early, "created_at"]))
        rows.loc[early, "at"] = (created - pd.Timedelta(hours=1)).isoformat()
    if "row corrected later" in middle:
        row = rows.loc[middle["row corrected later"]].copy()
        row["severity"] = SEVERITIES[SEVERITIES.index(row["severity"]) - 1]
        row["partition"] = later
        rows.loc[len(rows)] = row  # the last row: the others keep their places
    if "row written twice" in middle:
        again = middle["row written twice"]
        order = np.insert(np.arange(len(rows)), again + 1, again)
        rows = rows.iloc[order].reset_index(drop=True)
    return rows, spoilt


def chosen(rows: pd.DataFrame, month: str, later: str | None) -> tuple[dict[str, str], dict[str, int]]:
    """The ticket of each kind of dirt, and the label of the row that is spoilt. Only internal tickets are looked at."""
    in_month = (rows["partition"] == month) & (rows["account"] == ACCOUNTS[INTERNAL].name)
    created_later = rows["created_at"].str.startswith(month) & (rows["created_at"].str[8:10] != "01")
    candidates = rows.index[in_month & created_later]
    sizes = rows.loc[candidates].groupby("ticket", sort=True).size()
    kinds = [kind for kind in KINDS if later or kind != "row corrected later"]
    spoilt = dict(zip(kinds, sizes.index[sizes >= 4], strict=False))
    middle = {kind: int(rows.index[(rows["ticket"] == ticket) & in_month][2]) for kind, ticket in spoilt.items()}
    return spoilt, middle
