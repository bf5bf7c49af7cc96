"""The rules of the tree (docs/architecture.md, "Dependencies") as functions from a directory to a list of violations."""

import pathlib
import re

MAX_LINES = 400

_SKIPPED_DIRECTORIES = {".git", ".cache", "build", "__pycache__"}
_DATA_SUFFIXES = {".bin", ".binpb", ".gguf", ".jsonl", ".safetensors", ".xz"}
_CPP_SUFFIXES = {".cc", ".cu", ".cuh", ".h"}
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

# What may include a service, and therefore must not be included where that service is not to be seen.
_TESTS_OF_SERVICES = ("tests/drafter", "tests/verifier", "tests/tools", "tests/e2e")

# Folder -> the folders of ours that it must not include. The longest matching folder counts. Whoever sees both drafter
# and verifier is named here with nothing forbidden; every other folder of tests/ sees neither.
_FORBIDDEN_FOLDERS = {
    "common": ("drafter", "verifier", "tools", "tests", "sdk"),
    "drafter": ("verifier", "tools", "tests", "sdk"),
    "verifier": ("drafter", "tools", "tests", "sdk"),
    "tools": ("tests", "sdk"),
    "tests": ("drafter", "verifier", "tools", *_TESTS_OF_SERVICES),
    "tests/drafter": ("verifier", "tools", "tests/verifier", "tests/tools", "tests/e2e"),
    "tests/verifier": ("drafter", "tools", "tests/drafter", "tests/tools", "tests/e2e"),
    "tests/tools": (),
    "tests/e2e": (),
    "tests/benchmarks": (),
    "tests/fuzz": (),
    "tests/peers": ("verifier", "tools", *_TESTS_OF_SERVICES),
}
# Folders that are plain computation: neither gRPC nor generated code nor CUDA.
_PURE_FOLDERS = tuple(
    f"common/{name}"
    for name in ("base", "tree", "sampling", "model", "tokenizer", "ops", "metrics")
)
_RPC_INCLUDE = re.compile(r"^(grpc|grpcpp|google/protobuf)/|\.pb\.h$")
_CUDA_INCLUDE = re.compile(r"^(cuda|cublas|curand|cusparse|nvtx|nccl|cub/|cooperative_groups)")

# Kernels are written with device primitives; where there are two forms of something is said in two places.
_CUDA_FOLDERS = ("common/cuda", "tests/common/cuda", "tools/gpu_bench")
_CONDITIONAL = re.compile(r"^\s*#\s*(?:if|ifdef|elif|ifndef(?! CHIMERA_\w+_H_$))\b.*$", re.MULTILINE)
_PTX = re.compile(r"\basm\b")
_WITH_CONDITIONALS = {"common/cuda/device/primitives.h", "common/cuda/launch.h"}
_WITH_PTX = {"common/cuda/device/primitives_ptx.h"}

# Places that exist on a developer's machine only.
_OUTSIDE = re.compile(r"(?<![\w/.-])/(work|root|home)/|\.\./shared\b")
_MARKDOWN_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def source_files(root):
    """Yields every file of the tree at `root` as a path relative to it."""
    for path in sorted(pathlib.Path(root).rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and not _SKIPPED_DIRECTORIES.intersection(relative.parts):
            yield relative


def _text_files(root):
    for path in source_files(root):
        if path.suffix in _DATA_SUFFIXES:
            continue
        try:
            yield path, (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            yield path, None


def _cpp_files(root):
    return ((path, text) for path, text in _text_files(root) if path.suffix in _CPP_SUFFIXES)


def _is_under(name, folder):
    return name == folder or name.startswith(folder + "/")


def _forbidden_folders(name):
    matches = [folder for folder in _FORBIDDEN_FOLDERS if _is_under(name, folder)]
    return _FORBIDDEN_FOLDERS[max(matches, key=len)] if matches else ()


def _is_unrooted(root, included):
    folders = included.split("/")[:-1]
    if not folders or ".." in folders:
        return True
    return (root / folders[0]).is_dir() and not (root / included).is_file()


def include_violations(root):
    """Includes against the direction proto -> common -> {drafter, verifier} -> tools."""
    violations = []
    for path, text in _cpp_files(root):
        name = path.as_posix()
        is_pure = any(_is_under(name, folder) for folder in _PURE_FOLDERS)
        for quote, included in _INCLUDE.findall(text):
            reason = None
            if any(_is_under(included, folder) for folder in _forbidden_folders(name)):
                reason = "points against the direction of dependency"
            elif is_pure and _RPC_INCLUDE.search(included):
                reason = "brings gRPC or generated code into plain computation"
            elif _CUDA_INCLUDE.search(included) and not _is_under(name, "common/cuda"):
                reason = "is CUDA's, which only common/cuda may include"
            elif quote == '"' and _is_unrooted(root, included):
                reason = "is not a path from the top of the tree"
            if reason:
                violations.append(f"{name}: include of {included} {reason}")
    return violations


def length_violations(root):
    """Files of more than MAX_LINES lines, and text files that are not UTF-8."""
    violations = []
    for path, text in _text_files(root):
        if text is None:
            violations.append(f"{path}: is not UTF-8 text, and not of a known data type")
        elif text.count("\n") > MAX_LINES:
            violations.append(f"{path}: has {text.count(chr(10))} lines, more than {MAX_LINES}")
    return violations


def header_guard_violations(root):
    """Headers whose guard is not CHIMERA_PATH_FILE_H_."""
    violations = []
    for path, text in _cpp_files(root):
        if path.suffix not in {".h", ".cuh"}:
            continue
        guard = "CHIMERA_" + re.sub(r"[^A-Z0-9]", "_", path.as_posix().upper()) + "_"
        if f"#ifndef {guard}\n#define {guard}\n" not in text or f"#endif  // {guard}\n" not in text:
            violations.append(f"{path}: its header guard should be {guard}")
    return violations


def kernel_violations(root):
    """Conditional compilation and PTX outside the device primitives and the launch wrapper."""
    violations = []
    for path, text in _cpp_files(root):
        name = path.as_posix()
        if not any(_is_under(name, folder) for folder in _CUDA_FOLDERS):
            continue
        if name not in _WITH_CONDITIONALS and _CONDITIONAL.search(text):
            violations.append(f"{name}: has conditional compilation, which belongs to the device primitives")
        if name not in _WITH_PTX and _PTX.search(text):
            violations.append(f"{name}: has PTX, which belongs to the device primitives")
    return violations


def outside_reference_violations(root):
    """Texts that name places outside the repository, and links in documents that lead nowhere."""
    violations = []
    for path, text in _text_files(root):
        for line_number, line in enumerate((text or "").splitlines(), start=1):
            if _OUTSIDE.search(line):
                violations.append(f"{path}:{line_number}: names a place outside the repository")
        if path.suffix == ".md":
            for link in _MARKDOWN_LINK.findall(text or ""):
                if "://" not in link and not (root / path.parent / link).exists():
                    violations.append(f"{path}: links to {link}, which does not exist")
    return violations


def shell_scripts(root):
    """Paths of all Bash scripts: by shebang, or by name for the sourced ones."""
    return [
        path
        for path, text in _text_files(root)
        if text is not None and (path.suffix == ".sh" or re.match(r"#!.*\bbash\b", text))
    ]


ALL_CHECKS = (
    include_violations,
    length_violations,
    header_guard_violations,
    kernel_violations,
    outside_reference_violations,
)
