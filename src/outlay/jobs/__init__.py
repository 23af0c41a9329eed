"""What happens without being asked: sweep, checkpoint, poll."""
