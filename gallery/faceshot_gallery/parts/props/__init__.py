"""What is worn, held, stuck on and lies behind."""

from faceshot_gallery.parts.props.front import Props as Props
