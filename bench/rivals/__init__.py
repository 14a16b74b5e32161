"""The servers beside which ours is measured, each as somebody who knows it would write it."""
