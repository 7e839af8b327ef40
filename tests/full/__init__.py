"""Full Synchronization mode, from the door of the API to the company file."""
