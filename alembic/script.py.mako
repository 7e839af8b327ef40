"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Created: ${create_date}

The web processes of the version before this one run while this migration does, and after it:
what they read must stay, what they write must be accepted. So add now and drop a release
later; give a new column a default or let it be NULL. Never import a model: it will change,
and this must not. Move data in a migration apart from changes of the schema, in batches.
A table of a tenant gets ``tenant_id``, FORCE ROW LEVEL SECURITY and its policy here.
"""

import sqlalchemy as sa
${imports if imports else ""}
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
