"""The keyed comp in Blender's compositor, run by its own environment's Python: `blender_job.py ORDER`.

Blender has no look-up table node; RGB curves stand in, which are cheaper.
"""

import json
import sys

import bpy  # type: ignore[import-not-found]

order = json.loads(sys.argv[1])
scene = bpy.context.scene
tree = bpy.data.node_groups.new("comp", "CompositorNodeTree")
scene.compositing_node_group = tree
tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")


def clip(path: str):  # type: ignore[no-untyped-def]
    node = tree.nodes.new("CompositorNodeImage")
    node.image = bpy.data.images.load(path)
    node.image.source = "MOVIE"
    node.frame_duration = order["frames"]
    node.frame_start = 1
    node.use_auto_refresh = True
    return node


def named(sockets, *names):  # type: ignore[no-untyped-def]
    return next(socket for name in names for socket in sockets if socket.name == name)


background, foreground = clip(order["background"]), clip(order["foreground"])
key = tree.nodes.new("CompositorNodeChromaMatte")
named(key.inputs, "Key Color").default_value = (*((part / 255) ** 2.2 for part in order["screen"]), 1.0)
over = tree.nodes.new("CompositorNodeAlphaOver")
curves = tree.nodes.new("CompositorNodeCurveRGB")
blur = tree.nodes.new("CompositorNodeBlur")
named(blur.inputs, "Size").default_value = (24.0, 24.0)
output = tree.nodes.new("NodeGroupOutput")
tree.links.new(foreground.outputs[0], named(key.inputs, "Image"))
images = [socket for socket in over.inputs if socket.type == "RGBA"]
tree.links.new(background.outputs[0], images[0])
tree.links.new(key.outputs[0], images[1])
tree.links.new(over.outputs[0], named(curves.inputs, "Image"))
tree.links.new(curves.outputs[0], named(blur.inputs, "Image"))
tree.links.new(blur.outputs[0], output.inputs[0])

scene.frame_start, scene.frame_end = 1, order["frames"]
scene.render.resolution_x, scene.render.resolution_y, scene.render.fps = 1920, 1080, order["rate"]
scene.render.use_sequencer = False
# Colours as the others show them, not as film would.
scene.view_settings.view_transform = "Standard"
scene.render.image_settings.media_type = "VIDEO"
scene.render.image_settings.file_format = "FFMPEG"
scene.render.ffmpeg.format, scene.render.ffmpeg.codec = "MPEG4", "H264"
scene.render.ffmpeg.constant_rate_factor, scene.render.ffmpeg.ffmpeg_preset = "HIGH", "REALTIME"
scene.render.filepath = order["output"]
bpy.ops.render.render(animation=True)
