# Options that the presets set, and the flags that follow from them.

option(JADE_TESTS "Build the tests" ON)
option(JADE_BENCH "Build the benchmarks" OFF)
option(JADE_FUZZ "Build the fuzz targets (clang)" OFF)
option(JADE_COVERAGE "Instrument for source-based coverage (clang)" OFF)
set(JADE_TEST_TIMEOUT_FACTOR 1 CACHE STRING "Multiplies the time that a test may take; make soak raises it")
set(JADE_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, for instance address,undefined")

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

# ccache and mold make builds faster; neither is required.
find_program(JADE_CCACHE ccache)
if(JADE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${JADE_CCACHE}")
endif()
find_program(JADE_MOLD mold)
if(JADE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                    -Wunused -Wcast-align -Wnull-dereference -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports false positives from inlined library code under these at -O2 and above.
  add_compile_options(-Wno-null-dereference -Wno-maybe-uninitialized -Wno-restrict
                      -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
                      -Wno-dangling-pointer)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_compile_options(-Wthread-safety)
endif()

# Hardening, for every build that is not instrumented by a sanitizer.
if(NOT JADE_SANITIZE AND NOT JADE_FUZZ)
  add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
  add_compile_options($<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE>
                      $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=2>)
  add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_RELEASE "-O3 -g1 -fno-omit-frame-pointer -D_GLIBCXX_ASSERTIONS")

if(JADE_SANITIZE)
  add_compile_options(-fsanitize=${JADE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${JADE_SANITIZE})
endif()
if(JADE_SANITIZE MATCHES "thread")
  # The thread sanitizer does not know fences (g++ refuses to compile one); Asio's locks order the same memory.
  add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
endif()
if(JADE_FUZZ)
  # Every library reports which edges an input took, or the fuzzer would search blind.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(JADE_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()
