"""Back-to-back contracts: the one that is backed exists, and no contract backs itself."""

from pathlib import Path

import pytest

from deskledger import contract

VALID = Path(__file__).with_name("acme.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("backs", "good", "told"),
    [
        ({"supplier": "customer", "customer": None}, ["customer", "supplier"], []),
        ({"supplier": "custmer", "customer": None}, ["customer"],
         ["supplier.yaml:5: there is no contract `custmer`", "did you mean `customer`?"]),
        ({"supplier": "supplier"}, [], ["a contract cannot back itself: supplier > supplier"]),
        ({"one": "two", "two": "three", "three": "one", "four": "one"}, ["four"],
         ["one > two > three > one", "two > three > one > two", "three > one > two > three"]),
    ],
)  # fmt: skip
def test_what_a_contract_backs(tmp_path: Path, backs: dict[str, str | None], good: list[str], told: list[str]) -> None:
    for name, upstream in backs.items():
        text = VALID.replace("contract: acme", f"contract: {name}")
        if upstream:
            text = text.replace("parties:", f"backs: {upstream}\nparties:")
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    found, refused = contract.load_all(tmp_path)
    assert sorted(each.name for each in found) == good
    assert {each.name: each.backs for each in found} == {name: backs[name] for name in good}
    words = "\n".join(str(error) for error in refused)
    assert all(each in words for each in told), words


def test_a_contract_whose_upstream_is_refused_for_faults_of_its_own_goes_on(tmp_path: Path) -> None:
    (tmp_path / "up.yaml").write_text(VALID.replace("contract: acme", "contract: up").replace("EUR", "euro"), "utf-8")
    (tmp_path / "down.yaml").write_text(VALID.replace("title:", "backs: up\ntitle:", 1), "utf-8")
    found, refused = contract.load_all(tmp_path)
    assert [each.backs for each in found] == ["up"]
    assert len(refused) == 1
