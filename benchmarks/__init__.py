"""What snnlab costs, beside plain C and its peers: ``python -m benchmarks`` prints the table."""
