"""What renderers share: working picture and way back, windows, sampling, kept runs, strict loading, the proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faceshot.lazy import hand_on

if TYPE_CHECKING:
    from faceshot.rendering.backend import NetworkBackend as NetworkBackend
    from faceshot.rendering.between import in_between as in_between
    from faceshot.rendering.between import kept_frames as kept_frames
    from faceshot.rendering.estimate import EFFICIENCY as EFFICIENCY
    from faceshot.rendering.estimate import Estimate as Estimate
    from faceshot.rendering.estimate import parameters as parameters
    from faceshot.rendering.estimate import speed as speed
    from faceshot.rendering.estimate import weight_bytes as weight_bytes
    from faceshot.rendering.files import found_files as found_files
    from faceshot.rendering.files import missing_files as missing_files
    from faceshot.rendering.loading import check_fits as check_fits
    from faceshot.rendering.loading import config_beside as config_beside
    from faceshot.rendering.loading import empty as empty
    from faceshot.rendering.loading import fill as fill
    from faceshot.rendering.loading import read_network as read_network
    from faceshot.rendering.loading import renamed as renamed
    from faceshot.rendering.loading import tensors_of as tensors_of
    from faceshot.rendering.loading import weight_file as weight_file
    from faceshot.rendering.matte import moved_matte as moved_matte
    from faceshot.rendering.networks import files_identity as files_identity
    from faceshot.rendering.networks import latent_mean as latent_mean
    from faceshot.rendering.networks import read_image_encoder as read_image_encoder
    from faceshot.rendering.networks import to_frames as to_frames
    from faceshot.rendering.options import Reader as Reader
    from faceshot.rendering.options import choice as choice
    from faceshot.rendering.options import folder as folder
    from faceshot.rendering.options import number as number
    from faceshot.rendering.options import read_options as read_options
    from faceshot.rendering.options import switch as switch
    from faceshot.rendering.options import whole as whole
    from faceshot.rendering.place import BACKDROP as BACKDROP
    from faceshot.rendering.place import MULTIPLE as MULTIPLE
    from faceshot.rendering.place import Place as Place
    from faceshot.rendering.place import Region as Region
    from faceshot.rendering.place import check_sizes as check_sizes
    from faceshot.rendering.place import find_place as find_place
    from faceshot.rendering.place import unmixed as unmixed
    from faceshot.rendering.place import without_gaps as without_gaps
    from faceshot.rendering.place import working_rgb as working_rgb
    from faceshot.rendering.portrait.hunyuan import arcface_matrix as arcface_matrix
    from faceshot.rendering.portrait.hunyuan import brows_to_mouth as brows_to_mouth
    from faceshot.rendering.portrait.hunyuan import hunyuan_inputs as hunyuan_inputs
    from faceshot.rendering.portrait.hunyuan import motion_intensity as motion_intensity
    from faceshot.rendering.portrait.hunyuan import motion_levels as motion_levels
    from faceshot.rendering.portrait.hunyuan import nose_aligned as nose_aligned
    from faceshot.rendering.portrait.hunyuan import pose_dots as pose_dots
    from faceshot.rendering.portrait.job import PortraitInputs as PortraitInputs
    from faceshot.rendering.portrait.squares import face_square as face_square
    from faceshot.rendering.portrait.squares import five_points as five_points
    from faceshot.rendering.portrait.x_portrait import aligning_matrix as aligning_matrix
    from faceshot.rendering.portrait.x_portrait import best_frame as best_frame
    from faceshot.rendering.portrait.x_portrait import local_patches as local_patches
    from faceshot.rendering.portrait.x_portrait import patch_centres as patch_centres
    from faceshot.rendering.portrait.x_portrait import x_portrait_inputs as x_portrait_inputs
    from faceshot.rendering.proxy import ProxyClip as ProxyClip
    from faceshot.rendering.proxy import head_boxes as head_boxes
    from faceshot.rendering.resume import STALE_DAYS as STALE_DAYS
    from faceshot.rendering.resume import Work as Work
    from faceshot.rendering.resume import digest as digest
    from faceshot.rendering.resume import runs_folder as runs_folder
    from faceshot.rendering.sampling import Final as Final
    from faceshot.rendering.sampling import Noise as Noise
    from faceshot.rendering.sampling import Stepper as Stepper
    from faceshot.rendering.sampling import decoded as decoded
    from faceshot.rendering.sampling import draw_noise as draw_noise
    from faceshot.rendering.sampling import frame_noise as frame_noise
    from faceshot.rendering.sampling import joint_step as joint_step
    from faceshot.rendering.sampling import run_window as run_window
    from faceshot.rendering.sampling import sample_in_turn as sample_in_turn
    from faceshot.rendering.sampling import sample_jointly as sample_jointly
    from faceshot.rendering.shelves import Shelves as Shelves
    from faceshot.rendering.windows import Window as Window
    from faceshot.rendering.windows import blend_weights as blend_weights
    from faceshot.rendering.windows import emitted as emitted
    from faceshot.rendering.windows import joint_windows as joint_windows
    from faceshot.rendering.windows import sequential_windows as sequential_windows
    from faceshot.rendering.windows import wrapping_windows as wrapping_windows

__getattr__, __dir__, __all__ = hand_on(
    __name__,
    {
        "backend": "NetworkBackend",
        "between": "in_between kept_frames",
        "estimate": "EFFICIENCY Estimate parameters speed weight_bytes",
        "files": "found_files missing_files",
        "loading": "check_fits config_beside empty fill read_network renamed tensors_of weight_file",
        "matte": "moved_matte",
        "networks": "files_identity latent_mean read_image_encoder to_frames",
        "options": "Reader choice folder number read_options switch whole",
        "place": "BACKDROP MULTIPLE Place Region check_sizes find_place unmixed without_gaps working_rgb",
        "portrait.hunyuan": "arcface_matrix brows_to_mouth hunyuan_inputs motion_intensity motion_levels "
        "nose_aligned pose_dots",
        "portrait.job": "PortraitInputs",
        "portrait.squares": "face_square five_points",
        "portrait.x_portrait": "aligning_matrix best_frame local_patches patch_centres x_portrait_inputs",
        "proxy": "ProxyClip head_boxes",
        "resume": "STALE_DAYS Work digest runs_folder",
        "sampling": "Final Noise Stepper decoded draw_noise frame_noise joint_step run_window sample_in_turn "
        "sample_jointly",
        "shelves": "Shelves",
        "windows": "Window blend_weights emitted joint_windows sequential_windows wrapping_windows",
    },
)
