"""Speed, fairness and memory of the gateway, measured: method and results in bench/README.md."""
