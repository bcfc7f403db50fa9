# One function for each kind of target, so that every folder is built alike.

# jade_library(name SOURCES a.cc … HEADERS a.h … DEPS x … [PRIVATE_DEPS y …])
#
# Headers are given relative to src/ or include/ and are checked to compile alone
# (target all_verify_interface_header_sets).
function(jade_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include")
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  jade_check_headers(${name} PUBLIC ${ARG_HEADERS})
endfunction()

# jade_check_headers(target PUBLIC|INTERFACE a.h …): lists the headers and has them compiled alone.
function(jade_check_headers target scope)
  set(paths "")
  foreach(header ${ARGN})
    if(header MATCHES "^jade/")
      list(APPEND paths "${PROJECT_SOURCE_DIR}/include/${header}")
    else()
      list(APPEND paths "${PROJECT_SOURCE_DIR}/src/${header}")
    endif()
  endforeach()
  target_sources(${target} ${scope} FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/include" FILES ${paths})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
endfunction()

# jade_test(name SOURCES a_test.cc … DEPS x … [HEADERS a.h …] [LABELS l …] [TIMEOUT s])
#
# Headers that only tests include are given, and checked, as those of a library are.
function(jade_test name)
  if(NOT JADE_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;HEADERS;DEPS;LABELS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * ${JADE_TEST_TIMEOUT_FACTOR}")
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  if(ARG_HEADERS)
    add_library(${name}_headers INTERFACE)
    target_link_libraries(${name}_headers INTERFACE ${ARG_DEPS} GTest::gtest GTest::gmock)
    jade_check_headers(${name}_headers INTERFACE ${ARG_HEADERS})
  endif()
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()

# jade_bench(name SOURCES a_bench.cc … DEPS x …)
function(jade_bench name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} benchmark::benchmark)
endfunction()

# jade_flatbuffers(target a.fbs …): generates <a>_generated.h under the target's build folder and
# makes it includable as "<folder>/<a>_generated.h".
function(jade_flatbuffers target)
  foreach(schema ${ARGN})
    get_filename_component(stem ${schema} NAME_WE)
    file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}/src" "${CMAKE_CURRENT_SOURCE_DIR}")
    set(out "${CMAKE_BINARY_DIR}/generated/${folder}")
    set(header "${out}/${stem}_generated.h")
    add_custom_command(OUTPUT ${header}
      COMMAND ${CMAKE_COMMAND} -E make_directory ${out}
      COMMAND flatc --cpp --cpp-std c++17 --scoped-enums -o ${out} ${CMAKE_CURRENT_SOURCE_DIR}/${schema}
      DEPENDS ${schema} VERBATIM)
    target_sources(${target} PRIVATE ${header})
  endforeach()
  target_include_directories(${target} SYSTEM PUBLIC "${CMAKE_BINARY_DIR}/generated")
endfunction()
