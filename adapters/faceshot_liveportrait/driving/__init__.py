"""From landmarks, a proxy or a video to the motion that LivePortrait's networks render."""
