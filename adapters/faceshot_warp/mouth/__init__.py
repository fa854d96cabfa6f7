"""The mouth: lips that part, and what is between them."""

from faceshot_warp.mouth.lips import Lips as Lips
from faceshot_warp.mouth.lips import Pose as Pose
from faceshot_warp.mouth.lips import draw_mouth as draw_mouth
from faceshot_warp.mouth.lips import find_lips as find_lips
from faceshot_warp.mouth.lips import joined as joined
from faceshot_warp.mouth.measure import make_mouth as make_mouth
