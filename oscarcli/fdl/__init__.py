"""The Functions Definition Language: files read into service definitions, planned, and carried out."""
