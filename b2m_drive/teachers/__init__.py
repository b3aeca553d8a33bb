"""From what a brain did to what a student is taught."""
