"""How finance books a contract: accounts, series of credit notes, tax treatment. Data, in one file."""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError
from pydantic import model_validator as validated

from deskledger.contract.document import read_document
from deskledger.errors import ContractError, LedgerError

_REMEDY = "correct it: the books.yaml that comes with Deskledger shows every word"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]


def _amount(written: str) -> str:
    try:
        number = Decimal(written)
    except InvalidOperation:
        raise ValueError("is no amount, such as 100.00") from None
    if not number.is_finite() or number < 0:
        raise ValueError("is no amount, such as 100.00")
    return written


def _percentage(written: object) -> object:
    return written.removesuffix("%").strip() if isinstance(written, str) else written


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Account(_Strict):
    """An account of the general ledger."""

    account: _Text
    name: _Text


class Tax(_Strict):
    """How a credit is taxed: a price adjustment by `rate` per cent on `account`, or damages, outside the scope."""

    treatment: Literal["price_adjustment", "damages"]
    rate: Annotated[str, BeforeValidator(_percentage), AfterValidator(_amount)] | None = None
    account: _Text | None = None
    name: _Text | None = None

    @validated(mode="after")
    def _whole(self) -> "Tax":
        given = [each is not None for each in (self.rate, self.account, self.name)]
        if self.treatment == "price_adjustment" and not all(given):
            raise ValueError("needs rate, account and name where it adjusts the price")
        if self.treatment == "damages" and any(given):
            raise ValueError("has no rate and account where it is damages")
        return self


class ContractBooks(_Strict):
    """What one contract's credits are booked by: `debit` takes the credit, `credit` is what the customer owes less.

    `accrued` takes what is not posted yet. Of a contract with a supplier the same words hold from the other side.
    """

    series: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9/._-]{0,23}$")]
    debit: Account
    credit: Account
    accrued: Account
    tax: Tax


class Books(_Strict):
    """The whole file: each contract's books, and by currency the amount below which an open month is not material."""

    materiality: dict[str, Annotated[str, AfterValidator(_amount)]] = {}
    contracts: dict[str, ContractBooks]

    def of(self, contract: str) -> ContractBooks:
        """The contract's books. Raises LedgerError where there are none."""
        if contract not in self.contracts:
            raise LedgerError(
                f"nothing says how {contract} is booked",
                where="books.yaml",
                remedy=f"add `{contract}:` under `contracts:`, with series, debit, credit, accrued and tax",
            )
        return self.contracts[contract]


def read_books(path: Path) -> Books:
    """The books of the file. Raises LedgerError for one that cannot be read or says something else.

    Every value is taken as the characters that are written: account 0042 keeps its zeros.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LedgerError(
            f"it cannot be read: {error.strerror}", where=path.name, remedy="write it, or set DESKLEDGER_BOOKS"
        ) from None
    try:
        document = read_document(content, path.name)
    except ContractError as error:
        raise LedgerError(error.what, where=error.where or path.name, remedy=_REMEDY) from None
    try:
        return Books.model_validate(document.value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise LedgerError(
            f"`{place}`: {first['msg'].removeprefix('Value error, ')}",
            where=f"{path.name}:{document.line([part for part in first['loc'] if isinstance(part, str)])}",
            remedy=_REMEDY,
        ) from None
