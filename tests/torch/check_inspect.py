"""vit-inspect on a ViT with timm's names against PyTorch.

Oracle: the network written here from the formulas in double precision, its
convolution, eigenvalues, singular values and autograd PyTorch's.  The file has
all four dtypes that are read; what they round is rounded before.  Relative to
the largest size of its kind a number may be off by TOLERANCE: the program's
network runs in single precision.  Every fault of FAULTS must be seen.

usage: check_inspect.py VIT-INSPECT      exit code 1 if a comparison failed, or a
fault passed
"""
import json
import math
import struct
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

TOLERANCE = 1e-5
WIDTH, DEPTH, HEADS, MLP, PATCH, SIDE, CHANNELS, OUTPUTS = 24, 2, 3, 40, 4, 12, 3, 7
IMAGES, STACKED = 5, 2
FAULTS = ("heads", "transposed", "scale", "bias", "order", "labels")
DTYPES = (("F64", torch.float64), ("F32", torch.float32),
          ("F16", torch.float16), ("BF16", torch.bfloat16))


def save(path, tensors):
    """tensors: name -> (dtype's name, tensor in double, exact in it)"""
    header, body = {}, b""
    for name, (code, t) in tensors.items():
        flat = t.reshape(-1).tolist()
        if code == "BF16":
            data = b"".join(struct.pack("<f", x)[2:] for x in flat)
        else:
            letter = {"F64": "d", "F32": "f", "F16": "e"}[code]
            data = struct.pack(f"<{len(flat)}{letter}", *flat)
        header[name] = {"dtype": code, "shape": list(t.shape),
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def load(path):
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    found = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        begin, end = entry["data_offsets"]
        numbers = struct.unpack(f"<{(end - begin) // 4}f",
                                data[8 + size + begin:8 + size + end])
        found[name] = torch.tensor(numbers, dtype=torch.float64).reshape(
            entry["shape"])
    return found


def parameters():
    """timm's names and shapes; weights large enough for attention to choose"""
    shapes = {"cls_token": (1, 1, WIDTH),
              "pos_embed": (1, (SIDE // PATCH) ** 2 + 1, WIDTH),
              "patch_embed.proj.weight": (WIDTH, CHANNELS, PATCH, PATCH),
              "patch_embed.proj.bias": (WIDTH,)}
    for layer in range(DEPTH):
        shapes.update({f"blocks.{layer}.{name}": shape for name, shape in {
            "norm1.weight": (WIDTH,), "norm1.bias": (WIDTH,),
            "attn.qkv.weight": (3 * WIDTH, WIDTH), "attn.qkv.bias": (3 * WIDTH,),
            "attn.proj.weight": (WIDTH, WIDTH), "attn.proj.bias": (WIDTH,),
            "norm2.weight": (WIDTH,), "norm2.bias": (WIDTH,),
            "mlp.fc1.weight": (MLP, WIDTH), "mlp.fc1.bias": (MLP,),
            "mlp.fc2.weight": (WIDTH, MLP), "mlp.fc2.bias": (WIDTH,)}.items()})
    shapes.update({"norm.weight": (WIDTH,), "norm.bias": (WIDTH,),
                   "head.weight": (OUTPUTS, WIDTH), "head.bias": (OUTPUTS,)})
    made = {}
    for k, (name, shape) in enumerate(shapes.items()):
        code, dtype = DTYPES[k % len(DTYPES)]
        t = 0.3 * torch.randn(shape, dtype=torch.float64)
        t = t + 1 if name.endswith(("norm1.weight", "norm2.weight")) else t
        made[name] = (code, t.to(torch.float32).to(dtype).to(torch.float64))
    return made


def network(p, images, fault):
    """(rows, maps) as vit-inspect has them"""
    d, n = WIDTH // HEADS, IMAGES
    norm = lambda x, name: F.layer_norm(x, (WIDTH,), p[name + ".weight"],
                                        p[name + ".bias"], 1e-6)
    linear = lambda x, name: F.linear(x, p[name + ".weight"], p[name + ".bias"])
    patches = F.conv2d(images, p["patch_embed.proj.weight"],
                       p["patch_embed.proj.bias"], stride=PATCH)
    if fault == "transposed":
        patches = patches.transpose(2, 3)
    x = torch.cat([p["cls_token"].expand(n, -1, -1),
                   patches.flatten(2).transpose(1, 2)], 1) + p["pos_embed"]
    x = x.detach().requires_grad_(True)
    start, T = x, x.shape[1]
    rows, received, cls, features = [], [], [], []
    for layer in range(DEPTH):
        name = f"blocks.{layer}."
        h = norm(x, name + "norm1")
        qkv = linear(h, name + "attn.qkv")
        if fault == "bias":
            qkv = qkv - p[name + "attn.qkv.bias"]
        order = (3, 0, 2, 1, 4) if fault == "order" else (2, 0, 3, 1, 4)
        shape = (n, T, HEADS, 3, d) if fault == "order" else (n, T, 3, HEADS, d)
        q, k, v = (t.detach().requires_grad_(True)
                   for t in qkv.reshape(shape).permute(order))
        scale = d ** (-1 if fault == "scale" else -0.5)
        # for the features: the same numbers, cut from what is before
        (((q @ k.transpose(2, 3)) * scale).softmax(-1) @ v).sum().backward()
        features.append([t.grad.abs().mean(-1) for t in (q, k, v)])
        q, k, v = qkv.reshape(shape).permute(order)
        scores = (q @ k.transpose(2, 3)) * scale
        a = scores.softmax(-1)
        x = x + linear((a @ v).transpose(1, 2).reshape(n, T, WIDTH),
                       name + "attn.proj")
        x = x + linear(F.gelu(linear(norm(x, name + "norm2"),
                                     name + "mlp.fc1")), name + "mlp.fc2")
        sizes = x.detach().abs().flatten()
        A, X = a.detach(), h.detach()
        B = torch.cat([A[:STACKED, i] @ X[:STACKED] for i in range(HEADS)],
                      -1).reshape(STACKED * T, -1)
        sigma_b = torch.linalg.svdvals(B)
        top = scores.detach().topk(2, -1).values
        entropy = -(A * A.log()).sum(-1) / math.log(T)
        J = torch.diag_embed(A) - A.unsqueeze(-1) * A.unsqueeze(-2)
        spectrum = torch.linalg.eigvalsh(J)
        for i in range(HEADS):
            W = p[name + "attn.qkv.weight"].reshape(3, HEADS, d, WIDTH)
            if fault == "heads":
                W = p[name + "attn.qkv.weight"].reshape(HEADS, 3, d, WIDTH)
                W = W.transpose(0, 1)
            s_q, s_k = (torch.linalg.svdvals(W[w, i]) for w in (0, 1))
            rows.append({
                "entropy": entropy[:, i].mean(),
                "entropy_std": entropy[:, i].std(unbiased=False),
                "jacobian_norm2": spectrum[:, i, :, -1].mean(),
                "jacobian_fro": J[:, i].norm(dim=(-2, -1)).mean(),
                "logit_std": scores[:, i].detach().var(-1).mean().sqrt(),
                "margin": (top[:, i, :, 0] - top[:, i, :, 1]).mean(),
                "q_max": s_q[0], "q_min": s_q[-1],
                "k_max": s_k[0], "k_min": s_k[-1],
                "sink": A[:, i].mean((0, 1)).max(),
                "sink_token": A[:, i].mean((0, 1)).argmax(),
                "massive": sizes.max() / sizes.quantile(0.5),
                "sigma_s": torch.linalg.svdvals(A[:, i])[:, -1].min(),
                "sigma_b": sigma_b[-1], "sigma_b_max": sigma_b[0]})
        received.append(A.mean(2))
        cls.append(A[:, :, 0])
    out = linear(norm(x[:, :1], "norm")[:, 0], "head")
    labels = out.argmin(-1) if fault == "labels" else out.argmax(-1)
    F.cross_entropy(out, labels, reduction="sum").backward()
    maps = {"attention.received": torch.stack(received, 1),
            "attention.cls": torch.stack(cls, 1),
            "gradient": start.grad.norm(dim=-1)}
    for k, name in enumerate("qkv"):
        maps[f"feature.{name}"] = torch.stack([f[k] for f in features], 1)
    return rows, maps


def compare(rows, maps, found_rows, found_maps):
    """(what, relative error), the largest of each"""
    errors = []
    for key in rows[0]:
        ref = torch.tensor([float(r[key]) for r in rows], dtype=torch.float64)
        mine = torch.tensor([r[key] for r in found_rows], dtype=torch.float64)
        # by Weyl's inequality small singular values err as large ones do
        unit = {"sigma_s": 1.0, "sigma_b": max(
            float(r["sigma_b_max"]) for r in rows)}.get(key, ref.abs().max())
        errors.append((key, float((mine - ref).abs().max() / unit)))
    for name, ref in maps.items():
        errors.append((name, float((found_maps[name] - ref).abs().max()
                                   / ref.abs().max())))
    return errors


def main(program):
    torch.manual_seed(2385)
    failed = 0
    tensors = parameters()
    images = torch.randn((IMAGES, CHANNELS, SIDE, SIDE), dtype=torch.float32)
    with tempfile.TemporaryDirectory() as folder:
        save(f"{folder}/vit", tensors)
        save(f"{folder}/images", {"x": ("F32", images.to(torch.float64))})
        lines = subprocess.run(
            [program, f"{folder}/vit", "--heads", str(HEADS), "--images",
             f"{folder}/images", "--rank-samples", str(STACKED), "--maps",
             f"{folder}/maps", "--map-samples", str(IMAGES), "--json"],
            check=True, capture_output=True).stdout.splitlines()
        found = [json.loads(line) for line in lines[1:]], load(f"{folder}/maps")
    p = {name: t for name, (_, t) in tensors.items()}
    for fault in (None,) + FAULTS:
        errors = compare(*network(p, images.to(torch.float64), fault), *found)
        seen = [what for what, error in errors if not error <= TOLERANCE]
        if fault is None:
            for what, error in errors:
                print(f"{what:20} {error:9.1e}")
            failed += len(seen)
        else:
            print(f"fault {fault:14} {', '.join(seen) or 'NOT SEEN'}")
            failed += not seen
    print("vit-inspect:", f"{failed} failed" if failed else "all agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
