"""What runs: the supervisor, the gateway workers and the control process of `outlay serve`."""
