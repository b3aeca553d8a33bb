"""Students: the networks that a brain may teach, and the loop that trains them."""
