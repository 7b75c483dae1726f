"""Users, groups, memberships and organizations of the account, as the vendor documents them."""

from deskledger.sources.demo import people, scene
from deskledger.sources.demo.life import CONTACTS_AN_ACCOUNT, VENDORS
from deskledger.sources.demo.zendesk_server.wire import (
    CONTACT_BASE,
    GROUP_BASE,
    MARK,
    ORGANIZATION_BASE,
    USER_BASE,
    VENDOR_BASE,
    Json,
    iso,
)


def users(since: int) -> list[Json]:
    """Everybody by number: agents, the customers' people as end users, vendors as light agents."""
    made = iso(since - 30 * 86_400)
    everybody = [
        (USER_BASE + index, "agent", {"role_type": 0, "default_group_id": GROUP_BASE + index // people.AGENTS_A_TEAM})
        for index in range(scene.AGENTS)
    ]
    everybody += [(CONTACT_BASE + n, "end-user", {}) for n in range(len(scene.ACCOUNTS) * CONTACTS_AN_ACCOUNT)]
    everybody += [(VENDOR_BASE + index, "agent", {"role_type": 1}) for index in range(VENDORS)]
    return [
        {
            "id": number,
            "role": role,
            "name": f"{MARK} {number}",
            "email": f"{MARK.lower().replace(' ', '.')}.{number}@example.com",
            "active": True,
            "created_at": made,
            "updated_at": made,
            **more,
        }
        for number, role, more in everybody
    ]


def groups(since: int) -> list[Json]:
    made = iso(since - 30 * 86_400)
    return [
        {"id": GROUP_BASE + index, "name": team.name, "deleted": False, "created_at": made, "updated_at": made}
        for index, team in enumerate(scene.TEAMS)
    ]


def memberships(since: int) -> list[Json]:
    made = iso(since - 30 * 86_400)
    return [
        {
            "id": 50_000 + index,
            "user_id": USER_BASE + index,
            "group_id": GROUP_BASE + index // people.AGENTS_A_TEAM,
            "default": True,
            "created_at": made,
            "updated_at": made,
        }
        for index in range(scene.AGENTS)
    ]


def organizations(since: int) -> list[Json]:
    made = iso(since - 30 * 86_400)
    return [
        {
            "id": ORGANIZATION_BASE + index,
            "name": account.title,
            "external_id": account.name,
            "notes": f"{MARK}: they pay late",
            "organization_fields": {"tier": account.tier},
            "created_at": made,
            "updated_at": made,
        }
        for index, account in enumerate(scene.ACCOUNTS)
    ]
