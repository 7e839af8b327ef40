"""What every list holds its new entries to: a name that is free, a parent that is there, activity."""

from __future__ import annotations

from hub.qbwc.qbxml import Element
from hub.sandbox import refusals
from hub.sandbox.company import Company
from hub.sandbox.lists import NAMES, Entry

LEVELS = 5


def free(company: Company, list: str, name: str, parent: Entry | None = None, own: str = "") -> str:
    """Return ``name`` when nobody else has it beneath ``parent`` (``own`` is the ListID of who may).

    :raises Refusal: 3090 for a colon, 3100 when it is taken: a name of a customer, a vendor, an
        employee or another name in any list of names, any other in its own list.
    """
    if not name:
        raise refusals.missing_element("Name")
    if ":" in name:
        raise refusals.colon(name)
    full_name = f"{parent.full_name}:{name}" if parent else name
    lists = company.lists
    holder = lists.name_holder(full_name) if list in NAMES else lists.named(list, full_name)
    if holder is not None and holder.id != own:
        raise refusals.name_in_use(full_name)
    return name


def parent(company: Company, list: str, body: Element) -> Entry | None:
    """Return the entry a new one shall stand below, where it says so.

    :raises Refusal: 3130 when there is none of that name; 3210 when nothing can stand below it, as five
        levels are all there are (protocol.md C.4).
    """
    reference = body.find("ParentRef")
    if reference is None:
        return None
    id, name = reference.get("ListID"), reference.get("FullName")
    found = company.lists.get(list, id) if id else company.lists.named(list, name)
    if found is None:
        raise refusals.no_parent(id or name, list)
    if found.full_name.count(":") + 1 >= LEVELS:
        why = "A list has no more than five levels."
        raise refusals.invalid_value("ParentRef", found.full_name, why)
    return found


def active(body: Element, usual: bool = True) -> bool:
    """Return what the request says of activity, or ``usual`` where it says nothing."""
    text = body.get("IsActive")
    return text in ("true", "1") if text else usual
