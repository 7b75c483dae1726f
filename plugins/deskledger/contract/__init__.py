"""Contract terms: what the parties signed, as data (DESIGN, "Contract terms")."""
