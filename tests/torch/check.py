"""The transformer against PyTorch: loss, every gradient, 50 steps of AdamW.

Oracle: autograd and torch.optim.AdamW on a model written here from the
formulas, in single precision, from the files of tests/torch/case.  Per tensor
|x - ref| / |ref| in the 2-norm, at most 1e-5 of gradients, or PyTorch's own
rounding where that is larger (its single against its double precision), and
1e-3 of what the steps changed.  Every fault of FAULTS must be seen.

usage: check.py CASE      exit code 1 if a comparison failed, or a fault passed
"""
import json
import math
import struct
import subprocess
import sys
import tempfile

import torch
import torch.nn.functional as F

GRADIENTS, STEPS = 1e-5, 1e-3
BATCH, EPS = 8, 1e-6
KINDS = ("softmax", "normsoftmax-std", "normsoftmax-var", "gaussian",
         "gaussian-normalised", "sigmoid", "linear", "uniform", "qk-norm")
# what is wrong -> the variant that must tell
FAULTS = {"residual": "softmax", "gelu": "softmax", "smoothing": "softmax",
          "scale": "softmax", "decay": "softmax", "eps": "softmax",
          "warmup": "softmax", "detached": "normsoftmax-std",
          "unbiased": "normsoftmax-var", "gain": "qk-norm", "mask": "causal"}


def read(path):
    """name -> tensor in double, of a safetensors file"""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        code, width = {"F32": ("f", 4), "F64": ("d", 8)}[entry["dtype"]]
        numbers = struct.unpack(f"<{(end - begin) // width}{code}",
                                body[begin:end])
        tensors[name] = torch.tensor(numbers, dtype=torch.float64).reshape(
            entry["shape"])
    return tensors


class Case:
    """One file; `fault` is what to do wrong, `real` the precision."""

    def __init__(self, tensors, real, fault):
        self.tensors, self.real, self.fault = tensors, real, fault
        c = tensors["config"].tolist()
        (self.words, self.mean, self.tokens, self.features, self.width,
         self.depth, self.heads, self.outputs, self.head_width,
         kind) = (int(x) for x in c[:10])
        self.kind, self.smoothing = KINDS[kind], c[10]
        self.params = {name[7:]: t.clone().to(real).requires_grad_()
                       for name, t in tensors.items()
                       if name.startswith("params.")}

    def attention(self, q, k, gain):
        """q, k: (batch, heads, tokens, d); their weights"""
        T = q.shape[2]
        scale = 1 / math.sqrt(self.head_width)
        if self.fault == "scale":
            scale = 1 / math.sqrt(self.width)
        s = q @ k.transpose(2, 3)
        if self.kind == "softmax":
            if self.words and self.fault != "mask":
                s = s.masked_fill(torch.ones(T, T).tril() == 0, -math.inf)
            return (s * scale).softmax(3)
        if self.kind.startswith("normsoftmax"):
            m = s.std(3, unbiased=True, keepdim=True)
            if self.kind == "normsoftmax-var":
                m = s.var(3, unbiased=self.fault == "unbiased", keepdim=True)
            if self.fault == "detached":
                m = m.detach()
            return (s / m.clamp(max=1 / scale)).softmax(3)
        if self.kind.startswith("gaussian"):
            a = -scale * (q.unsqueeze(3) - k.unsqueeze(2)).square().sum(4)
            return a.exp() if self.kind == "gaussian" else a.softmax(3)
        if self.kind == "sigmoid":
            return (s * scale).sigmoid()
        if self.kind == "linear":
            return s * scale / T
        if self.kind == "uniform":
            return torch.full_like(s, 1 / T)
        if self.fault == "gain":
            gain = gain.detach()
        return (gain.reshape(-1, 1, 1) * F.normalize(q, dim=3)
                @ F.normalize(k, dim=3).transpose(2, 3)).softmax(3)

    def block(self, x, l):
        p = {name[len(f"blocks.{l}."):]: t for name, t in self.params.items()
             if name.startswith(f"blocks.{l}.")}

        def norm(x, which):
            return F.layer_norm(x, (self.width,), p[which + ".weight"][0],
                                p[which + ".bias"][0], EPS)

        B, T, _ = x.shape
        bias = p["attn.qkv.bias"][0] if "attn.qkv.bias" in p else None
        q, k, v = F.linear(norm(x, "norm1"), p["attn.qkv.weight"], bias).reshape(
            B, T, 3, self.heads, self.head_width).permute(2, 0, 3, 1, 4)
        z = self.attention(q, k, p.get("attn.gain")) @ v
        z = z.transpose(1, 2).reshape(B, T, self.heads * self.head_width)
        branch = F.linear(z, p["attn.proj.weight"], p["attn.proj.bias"][0])
        x = x - branch if self.fault == "residual" else x + branch
        h = F.linear(norm(x, "norm2"), p["mlp.fc1.weight"], p["mlp.fc1.bias"][0])
        h = F.gelu(h, approximate="tanh" if self.fault == "gelu" else "none")
        return x + F.linear(h, p["mlp.fc2.weight"], p["mlp.fc2.bias"][0])

    def loss(self, step):
        p = self.params
        inputs = self.tensors["inputs"][step]
        labels = self.tensors["labels"][step].long()
        if self.words:
            x = F.embedding(inputs.long().reshape(BATCH, self.tokens),
                            p["token_embed.weight"])
        else:
            x = F.linear(inputs.to(self.real).reshape(BATCH, self.tokens, -1),
                         p["patch_embed.proj.weight"],
                         p["patch_embed.proj.bias"][0])
        if "cls_token" in p:
            x = torch.cat([p["cls_token"].expand(BATCH, 1, self.width), x], 1)
        x = x + p["pos_embed"]
        for l in range(self.depth):
            x = self.block(x, l)
        x = F.layer_norm(x, (self.width,), p["norm.weight"][0],
                         p["norm.bias"][0], EPS)
        if not self.words:
            x = x.mean(1) if self.mean else x[:, 0]
        y = F.linear(x, p["head.weight"], p["head.bias"][0])
        smoothing = 0 if self.fault == "smoothing" else self.smoothing
        return F.cross_entropy(y.reshape(-1, self.outputs), labels,
                               ignore_index=-1, label_smoothing=smoothing)

    def train(self):
        lr, start, end, warmup, steps, b1, b2, eps, decay = (
            self.tensors["steps"].tolist())
        free = [t for n, t in self.params.items()
                if t.shape[0] == 1 and n != "pos_embed" or
                n == "pos_embed" and self.fault != "decay"]
        rest = [t for t in self.params.values()
                if all(t is not u for u in free)]
        optimiser = torch.optim.AdamW(
            [{"params": free, "weight_decay": 0},
             {"params": rest, "weight_decay": decay}], lr, (b1, b2), eps)
        for step in range(int(steps)):
            if step < warmup and self.fault != "warmup":
                now = start + (lr - start) * step / warmup
            else:
                part = (step - warmup) / (steps - warmup)
                now = end + (lr - end) * (1 + math.cos(math.pi * part)) / 2
            for group in optimiser.param_groups:
                group["lr"] = now
                if self.fault == "eps":  # beside sqrt(v), before its correction
                    group["eps"] = eps / math.sqrt(1 - b2 ** (step + 1))
            optimiser.zero_grad()
            self.loss(step).backward()
            optimiser.step()


def worst(ref, own, start=None):
    """the largest |own - ref| / |ref - start| over the tensors, and its name"""
    largest = (0.0, "")
    for name, value in ref.items():
        size = (value if start is None else value - start[name]).norm().item()
        gap = (own[name] - value).norm().item()
        if size == 0 and gap == 0:  # uniform attention: W_Q, W_K have none
            continue
        error = gap / size if size > 0 else math.inf
        if not error <= largest[0]:
            largest = (error, name)
    return largest


def part(tensors, prefix):
    return {name[len(prefix):]: t for name, t in tensors.items()
            if name.startswith(prefix)}


def reference(tensors, real, fault=None):
    """loss, gradients and trained parameters as PyTorch has them"""
    case = Case(tensors, real, fault)
    loss = case.loss(0)
    loss.backward()
    gradients = {name: torch.zeros_like(t) if t.grad is None else t.grad.clone()
                 for name, t in case.params.items()}
    case.train()
    trained = {name: t.detach() for name, t in case.params.items()}
    return (loss.item(), {n: t.double() for n, t in gradients.items()},
            {n: t.double() for n, t in trained.items()})


def compare(tensors, ref, rounding=0.0):
    """[(what, relative difference, where, allowed)]"""
    loss, gradients, trained = ref
    return [("loss", abs(tensors["loss"].item() / loss - 1), "", GRADIENTS),
            ("gradients", *worst(gradients, part(tensors, "gradient.")),
             max(GRADIENTS, rounding)),
            ("50 steps", *worst(trained, part(tensors, "trained."),
                                part(tensors, "params.")), STEPS)]


def main(program):
    torch.set_num_threads(1)
    failed = 0
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in subprocess.run([program], check=True, text=True,
                                   capture_output=True).stdout.split():
            path = f"{folder}/{name}.safetensors"
            subprocess.run([program, name, path], check=True)
            files[name] = read(path)
    print(f"{'':20} {'loss':>9} {'gradients':>9} {'50 steps':>9}"
          "   gradients in double: off by, PyTorch off by")
    for name, tensors in files.items():
        single = reference(tensors, torch.float32)
        double = reference(tensors, torch.float64)
        rounding = worst(double[1], single[1])[0]
        rows = compare(tensors, single, rounding)
        print(f"{name:20}", *(f"{error:9.1e}" for _, error, _, _ in rows),
              f"{compare(tensors, double)[1][1]:31.1e} {rounding:15.1e}")
        for what, error, where, allowed in rows:
            if not error <= allowed:
                failed += 1
                print(f"    {what}: {error:.3g} at {where}, allowed "
                      f"{allowed:g}")
    for fault, name in FAULTS.items():
        rows = compare(files[name],
                       reference(files[name], torch.float32, fault))
        seen = [what for what, error, _, allowed in rows if not error <= allowed]
        print(f"fault {fault:14} {', '.join(seen) or 'NOT SEEN'}")
        failed += not seen
    print("check-torch:", f"{failed} failed" if failed else "all agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
