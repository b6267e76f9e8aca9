"""What a team's stack needs: the platform it joins, and its own services on it."""
