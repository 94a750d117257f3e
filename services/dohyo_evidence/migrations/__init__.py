"""How the tables come about and change; alembic runs what is new, in order."""
