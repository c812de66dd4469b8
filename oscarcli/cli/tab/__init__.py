"""What happens at Tab: quick, quiet, and without the libraries that commands need."""
