"""What a screen shows, without a screen."""
