"""Where one shot ends and the next begins: cuts, dissolves, fades."""
