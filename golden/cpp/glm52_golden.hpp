// Checks an engine for GLM-5.2 against a case of the golden pack, stage by stage. C++17, one header, no
// other software.
//
//     #include "glm52_golden.hpp"
//     glm52_golden::Case golden("golden/cases/clear-mtp");
//     glm52_golden::Tensors mine;                        // golden.folder + "/model", golden.tokens
//     mine["logits"] = {"F32", {40, 256}, logits};       // more stages say more: "l_out-0", "top_k-0"
//     auto report = golden.compare(mine, "f16-cache");   // one of golden.classes()
//     if (report.wrong()) std::cerr << report.first_wrong << ": " << report.sentence << "\n";
//
// How far a stage may be off is measured for each case; it stands in the case's envelope.json. Choices
// must be those expected, as sets, or be explained by scores that are as close as rounding. From an
// explained row on, and after the first wrong stage, later stages have other inputs and are not compared.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace glm52_golden {

/// What was given cannot be used; the message tells where, and what was expected.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A value of a JSON file: a number, a text, a list, or an object. true, false and null are texts.
struct Json {
  double number = 0;
  std::string text;
  std::vector<Json> list;
  std::map<std::string, Json> fields;

  const Json &at(const std::string &key) const {
    auto found = fields.find(key);
    if (found == fields.end()) throw Error("expected a key " + key);
    return found->second;
  }
  bool has(const std::string &key) const { return fields.count(key) > 0; }

  static Json parse(const std::string &source) {
    std::size_t at = 0;
    return value(source, at, 0);
  }

 private:
  static char next(const std::string &s, std::size_t &at) {
    while (at < s.size() && std::strchr(" \t\r\n", s[at])) at++;
    if (at >= s.size()) throw Error("expected JSON, got the end of it");
    return s[at];
  }
  static std::string quoted(const std::string &s, std::size_t &at) {
    std::string text;
    for (at++; at < s.size() && s[at] != '"'; at++) {
      if (s[at] == '\\') at++;  // the pack's names need no more than the character itself
      if (at < s.size()) text += s[at];
    }
    if (at >= s.size()) throw Error("expected the end of a text in JSON");
    at++;
    return text;
  }
  static Json value(const std::string &s, std::size_t &at, int depth) {
    if (depth > 64) throw Error("expected JSON of at most 64 levels");
    Json json;
    char first = next(s, at);
    if (first == '"') {
      json.text = quoted(s, at);
    } else if (first == '{' || first == '[') {
      char last = first == '{' ? '}' : ']';
      for (at++; next(s, at) != last;) {
        if (first == '{') {
          std::string key = quoted(s, at);
          if (next(s, at) != ':') throw Error("expected : after " + key);
          at++;
          json.fields[key] = value(s, at, depth + 1);
        } else {
          json.list.push_back(value(s, at, depth + 1));
        }
        if (next(s, at) == ',') at++;
        else if (s[at] != last) throw Error("expected , in JSON");
      }
      at++;
    } else {
      std::size_t begin = at;
      while (at < s.size() && !std::strchr(",]} \t\r\n", s[at])) at++;
      json.text = s.substr(begin, at - begin);
      json.number = std::strtod(json.text.c_str(), nullptr);
    }
    return json;
  }
};

/// Numbers of one stage. Whole numbers (I32, I64) are choices.
struct Tensor {
  std::string dtype;
  std::vector<std::size_t> shape;
  std::vector<double> data;

  bool is_choice() const { return dtype[0] == 'I'; }
  std::size_t rows() const { return shape.empty() ? 1 : shape[0]; }
  std::size_t width() const { return rows() ? data.size() / rows() : 0; }
};

using Tensors = std::map<std::string, Tensor>;

inline std::string read_text(const std::string &file) {
  std::ifstream source(file, std::ios::binary);
  if (!source) throw Error(file + ": expected a file that can be read");
  std::ostringstream text;
  text << source.rdbuf();
  return text.str();
}

namespace detail {
template <class T>
T at(const char *bytes, std::size_t i) {  // on little-endian machines
  T x;
  std::memcpy(&x, bytes + i * sizeof(T), sizeof(T));
  return x;
}

inline double half(std::uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = exponent == 0 ? std::ldexp(fraction, -24)
                : exponent < 31 ? std::ldexp(fraction + 1024, exponent - 25)
                : fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  return bits >> 15 ? -size : size;
}

inline double number(const std::string &dtype, const char *bytes, std::size_t i) {
  if (dtype == "F64") return at<double>(bytes, i);
  if (dtype == "F32") return at<float>(bytes, i);
  if (dtype == "I32") return at<std::int32_t>(bytes, i);
  if (dtype == "I64") return double(at<std::int64_t>(bytes, i));
  if (dtype == "F16") return half(at<std::uint16_t>(bytes, i));
  std::uint32_t wide = std::uint32_t(at<std::uint16_t>(bytes, i)) << 16;  // BF16
  float x;
  std::memcpy(&x, &wide, 4);
  return x;
}

/// Bytes of one number of a format; 0 for a format that is not read.
inline std::size_t width_of(const std::string &dtype) {
  static const std::map<std::string, std::size_t> widths{{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I32", 4}, {"I64", 8}};
  auto found = widths.find(dtype);
  return found == widths.end() ? 0 : found->second;
}
}  // namespace detail

namespace detail {
inline Tensors tensors_of(const std::string &bytes, const std::string &only) {
  std::uint64_t length = bytes.size() < 8 ? 0 : at<std::uint64_t>(bytes.data(), 0);
  if (bytes.size() < 8 || length > bytes.size() - 8) throw Error("expected a safetensors file, got one whose header is cut off");
  std::size_t begin = 8 + length;
  Tensors tensors;
  Json header = Json::parse(bytes.substr(8, length));
  for (const auto &[name, entry] : header.fields) {
    if (name == "__metadata__" || (!only.empty() && name != only)) continue;
    Tensor tensor{entry.at("dtype").text, {}, {}};
    std::size_t count = 1, size = width_of(tensor.dtype);
    if (size == 0) throw Error(name + ": expected F64, F32, F16, BF16, I32 or I64, got " + tensor.dtype);
    for (const Json &axis : entry.at("shape").list) {
      if (!(axis.number >= 0 && axis.number <= double(bytes.size()))) throw Error(name + ": an axis of its shape is no length");
      tensor.shape.push_back(std::size_t(axis.number));
      count *= std::size_t(axis.number);
    }
    const auto &offsets = entry.at("data_offsets").list;
    if (offsets.size() != 2 || !(offsets[0].number >= 0) || offsets[1].number - offsets[0].number != double(count * size) || begin + offsets[1].number > bytes.size())
      throw Error(name + ": the bytes do not fit its shape");
    const char *data = bytes.data() + begin + std::size_t(offsets[0].number);
    for (std::size_t i = 0; i < count; i++) tensor.data.push_back(number(tensor.dtype, data, i));
    tensors[name] = std::move(tensor);
  }
  return tensors;
}
}  // namespace detail

/// Reads a safetensors file; with `only`, one tensor of it, where it is there.
inline Tensors read_safetensors(const std::string &file, const std::string &only = "") {
  std::string bytes = read_text(file);
  try {
    return detail::tensors_of(bytes, only);
  } catch (const Error &error) {
    throw Error(file + ": " + error.what());
  }
}

/// `l_out-3` as (`l_out`, 3); a name without a number has -1.
inline std::pair<std::string, int> parse_stage(const std::string &name) {
  auto dash = name.rfind('-');
  if (dash == std::string::npos || dash + 1 == name.size() || name.find_first_not_of("0123456789", dash + 1) != std::string::npos)
    return {name, -1};
  return {name.substr(0, dash), std::stoi(name.substr(dash + 1))};
}

/// What came of a comparison.
struct Report {
  std::vector<std::pair<std::string, std::string>> stages;  // name, and "ok", "explained", or why it is off
  std::string first_wrong, sentence;
  std::vector<std::string> unknown;  // tensors that the files of the case do not hold
  bool wrong() const { return !first_wrong.empty(); }
};

/// A case of the pack.
class Case {
 public:
  std::string folder;
  std::vector<int> tokens;
  Tensors expected;

  explicit Case(const std::string &path) : folder(path), envelope_(Json::parse(read_text(path + "/envelope.json"))) {
    Json text = Json::parse(read_text(path + "/tokens.json"));
    for (const Json &token : text.at("tokens").list) tokens.push_back(int(token.number));
    expected = read_safetensors(path + "/f64.safetensors");
    layers_ = int(Json::parse(read_text(path + "/model/config.json")).at("num_hidden_layers").number);
  }

  /// The classes of engines that the case has bounds for, by what they compute in.
  std::set<std::string> classes() const {
    std::set<std::string> names;
    for (const auto &[stage, measured] : envelope_.at("stages").fields)
      for (const auto &[name, bound] : measured.fields) names.insert(name);
    return names;
  }

  /// Whether a right engine of this class chooses exactly what the case says.
  bool certified(const std::string &kind) const {
    const auto &all = envelope_.at("certified").list;
    return std::any_of(all.begin(), all.end(), [&](const Json &one) { return one.text == kind; });
  }

  /// Names of the expected stages, in the order in which a model makes them.
  std::vector<std::string> order() const {
    std::vector<std::string> names;
    for (const auto &[name, tensor] : expected) names.push_back(name);
    std::sort(names.begin(), names.end(), [&](const auto &a, const auto &b) { return place(a) < place(b); });
    return names;
  }

  /// Judges what an engine gave. A stage that it did not give is not held against it.
  Report compare(const Tensors &mine, const std::string &kind = "f32") const {
    if (classes().count(kind) == 0) throw Error("expected a class of engine such as f32, f16-cache or bf16, got " + kind);
    Report report;
    std::size_t clean = std::numeric_limits<std::size_t>::max();  // rows before it have the inputs that are expected
    for (const auto &[name, tensor] : mine)
      if (!expected.count(name)) report.unknown.push_back(name);
    if (report.unknown.size() == mine.size()) throw Error(folder + ": expected stages such as " + order()[0] + ", got none");
    for (const std::string &name : order()) {
      auto found = mine.find(name);
      if (found == mine.end()) continue;
      const Tensor &want = expected.at(name);
      bool later_draft = name.rfind("mtp_", 0) == 0 && parse_stage(name).second > 0;
      std::size_t rows = clean > want.rows() ? want.rows() : later_draft ? 0 : clean;
      std::string why = judge(name, found->second, want, rows, kind, clean);
      report.stages.emplace_back(name, why);
      if (why == "ok" || why == "explained") continue;
      report.first_wrong = name;
      report.sentence = why;
      break;
    }
    return report;
  }

 private:
  Json envelope_;
  int layers_ = 0;

  std::array<int, 4> place(const std::string &name) const {
    static const std::vector<std::string> layer{
        "attn_norm", "qr", "indexer_q", "indexer_k", "indexer_weights", "indexer_score", "top_k", "q_nope", "q_pe", "kv_cmpr", "k_pe",
        "q_nope_absorbed", "attn_out", "ffn_inp", "ffn_norm", "ffn_moe_logits", "ffn_moe_topk", "ffn_moe_weights", "ffn_moe_out",
        "ffn_shexp", "ffn_out", "l_out"};
    static const std::vector<std::string> draft{"mtp_enorm", "mtp_hnorm", "mtp_eh_proj", "", "mtp_hidden", "mtp_top_k", "mtp_logits"};
    auto [stage, number] = parse_stage(name);
    auto in = [stage = stage](const std::vector<std::string> &names) { return int(std::find(names.begin(), names.end(), stage) - names.begin()); };
    if (in(draft) < int(draft.size())) return {3, number, in(draft), 0};
    if (number >= 0) return number == layers_ ? std::array<int, 4>{3, 0, 3, in(layer)} : std::array<int, 4>{1, number, in(layer), 0};
    return {stage == "inp_embd" ? 0 : 2, stage == "logits", 0, 0};
  }

  /// How far a stage may be off: root mean square, and largest error, as shares of its largest number.
  std::pair<double, double> bounds(const std::string &name, const std::string &kind, const std::string &dtype = "F32") const {
    const auto &measured = envelope_.at("stages").at(name).at(kind).list;
    double room = envelope_.at("room").number, once = std::ldexp(1, dtype == "BF16" ? -8 : dtype == "F16" ? -11 : -24);
    return {room * measured[0].number + once, room * measured[1].number + once};
  }

  static double largest(const Tensor &x) {
    double most = 0;
    for (double number : x.data)
      if (std::isfinite(number)) most = std::max(most, std::abs(number));
    return most > 0 ? most : 1;
  }

  std::string judge(const std::string &name, const Tensor &got, const Tensor &want, std::size_t rows, const std::string &kind, std::size_t &clean) const {
    if (got.is_choice() != want.is_choice()) return "expected " + want.dtype + ", got " + got.dtype;
    if (got.data.size() != want.data.size() || (got.rows() != want.rows() && got.rows() != 1))
      return "expected " + std::to_string(want.data.size()) + " numbers in " + std::to_string(want.rows()) + " rows, got " +
             std::to_string(got.data.size()) + " in " + std::to_string(got.rows());
    return want.is_choice() ? judge_choice(name, got, want, rows, kind, clean) : judge_numbers(name, got, want, rows, kind);
  }

  std::string judge_numbers(const std::string &name, const Tensor &got, const Tensor &want, std::size_t rows, const std::string &kind) const {
    auto [rms_bound, bound] = bounds(name, kind, got.dtype);
    double unit = largest(want), most = 0, squares = 0;
    std::size_t count = rows * want.width();
    for (std::size_t i = 0; i < count; i++) {
      double g = got.data[i], w = want.data[i];
      if (g < -1e30 && w < -1e30) continue;  // masked on both sides
      double error = std::abs(g - w) / unit;
      if (!(error <= std::numeric_limits<double>::max())) return std::to_string(g) + " at number " + std::to_string(i) + ", expected " + std::to_string(w);
      most = std::max(most, error);
      squares += error * error;
    }
    double rms = count ? std::sqrt(squares / double(count)) : 0;
    if (most <= bound && rms <= rms_bound) return rows < want.rows() ? "explained" : "ok";
    std::ostringstream text;
    text << "off by " << most << ", allowed " << bound << " (root mean square " << rms << ", allowed " << rms_bound << ")";
    return text.str();
  }

  static std::set<int> row_of(const Tensor &x, std::size_t row, std::size_t width) {
    std::set<int> members;
    for (std::size_t i = row * width; i < (row + 1) * width; i++)
      if (x.data[i] >= 0) members.insert(int(x.data[i]));
    return members;
  }

  std::string judge_choice(const std::string &name, const Tensor &got, const Tensor &want, std::size_t rows, const std::string &kind, std::size_t &clean) const {
    std::string verdict = "ok";
    double room = 0;
    Tensor scores;
    for (std::size_t row = 0; row < rows; row++) {
      auto mine = row_of(got, row, want.width()), right = row_of(want, row, want.width());
      if (mine == right) continue;
      if (verdict == "ok") scores = scores_of(name, kind, room);
      if (!explains(scores, row, room, mine, right)) return "row " + std::to_string(row) + " chooses otherwise than rounding explains";
      if (verdict == "ok") clean = std::min(clean, row);
      verdict = "explained";
    }
    return verdict;
  }

  static bool explains(const Tensor &scores, std::size_t row, double room, const std::set<int> &mine, const std::set<int> &right) {
    if (scores.data.empty() || mine.size() != right.size()) return false;
    double least = std::numeric_limits<double>::infinity(), most = -least;
    for (int one : right)
      if (!mine.count(one)) most = std::max(most, scores.data[row * scores.width() + std::size_t(one)]);
    for (int one : mine) {
      if (std::size_t(one) >= scores.width()) return false;
      if (!right.count(one)) least = std::min(least, scores.data[row * scores.width() + std::size_t(one)]);
    }
    return most - room <= least + room;
  }

  /// The expected scores behind a choice, and how far an engine's own may be from them; empty if unknown.
  Tensor scores_of(const std::string &name, const std::string &kind, double &room) const {
    auto [stage, number] = parse_stage(name);
    std::string source = "ffn_moe_logits-" + std::to_string(number);
    bool experts = stage == "ffn_moe_topk";
    if (!experts) {
      if (stage == "mtp_top_k" && number > 0) return {};
      int full = -1;
      for (const auto &[other, tensor] : expected) {
        auto [word, layer] = parse_stage(other);
        if (word == "indexer_score" && (stage == "mtp_top_k" || layer <= number)) full = std::max(full, layer);
      }
      source = "indexer_score-" + std::to_string(full);
    }
    auto found = expected.find(source);
    if (found == expected.end()) return {};
    Tensor scores = found->second;
    room = bounds(source, kind).second * largest(scores) * (experts ? 0.25 : 1);  // a sigmoid's slope is 1/4 at most
    if (!experts) return scores;
    std::vector<double> bias = router_bias(number);
    if (bias.size() != scores.width()) return {};
    for (std::size_t i = 0; i < scores.data.size(); i++) scores.data[i] = 1 / (1 + std::exp(-scores.data[i])) + bias[i % bias.size()];
    return scores;
  }

  std::vector<double> router_bias(int layer) const {
    std::string name = "model.layers." + std::to_string(layer) + ".mlp.gate.e_score_correction_bias";
    for (const auto &entry : std::filesystem::directory_iterator(folder + "/model"))
      if (entry.path().extension() == ".safetensors") {
        Tensors found = read_safetensors(entry.path().string(), name);
        if (found.count(name)) return found[name].data;
      }
    return {};
  }
};

}  // namespace glm52_golden
