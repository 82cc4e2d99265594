#!/bin/sh
# Remove from an environment what no program of ours loads: trim.sh SITE_PACKAGES. Needs `strip` of binutils.
# The Dockerfile imports and uses what is left, so a build fails where one of these lines takes too much.
set -eu
cd "$1"

# the tests that libraries ship
find numpy pyarrow -type d -name tests -prune -exec rm -r {} +
rm -f pyarrow/_pyarrow_cpp_tests.*
# C and Cython sources and headers, there to build other extensions against
rm -r pyarrow/include pyarrow/includes pyarrow/src numpy/_core/include
find . \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' \) -delete
# types for type checkers
find . -name '*.pyi' -delete
# Arrow Flight, an RPC protocol; nothing else in pyarrow links to it
rm pyarrow/_flight.* pyarrow/libarrow_flight.* pyarrow/libarrow_python_flight.*
# copies of a library under the names that linkers look for; programs load NAME.so.MAJOR
find pyarrow -name 'libarrow_python*.so' -delete
find pyarrow -name 'libarrow_python*.so.*.*.*' -delete
# ONNX Runtime's library for C programs: its Python module contains the same code
rm onnxruntime/capi/libonnxruntime.so.*
# tools that convert, quantise and optimise models; inference does not import them
rm -r onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/datasets onnxruntime/backend
# NumPy's tools for building extensions, from C and from Fortran
rm -r numpy/distutils numpy/f2py
# the languages that pygments can colour: Rich's tracebacks show Python alone
find pygments/lexers -name '*.py' ! -name __init__.py ! -name _mapping.py ! -name python.py -delete
# Names of functions that nobody links to, and what debuggers read. Left alone are libraries of wheels that were edited after
# linking (NAME.libs), which may not survive it, and those for CUDA, which contain more than a linker knows.
find . -name '*.so*' -type f ! -path './*.libs/*' ! -path './nvidia/*' ! -path './onnxruntime/*' \
  -exec strip --strip-unneeded {} +
