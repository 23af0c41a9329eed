"""What a call may cost before it is made: its class and upper bound; limits come with budgets."""
