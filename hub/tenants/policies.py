"""A tenant's policy: the one row that says how its summaries are to be booked."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.tenants.models import Policy


def policy_of(db: Session) -> Policy:
    """Return the policy of the tenant that ``db`` has entered, made with the usual choices at first."""
    policy = db.scalar(select(Policy))
    if policy is None:
        policy = Policy()
        db.add(policy)
        db.flush()
        db.refresh(policy)
    return policy
