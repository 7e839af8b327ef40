"""A tenant's policy: the one row that says how its summaries are to be booked."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from hub.tenants.models import Policy


def policy_of(db: Session) -> Policy:
    """Return the policy of the tenant that ``db`` has entered, made with the usual choices at first."""
    policy = db.scalar(select(Policy))
    if policy is None:
        # Two who come at once make one row.
        db.execute(insert(Policy).on_conflict_do_nothing())
        policy = db.scalars(select(Policy)).one()
    return policy
