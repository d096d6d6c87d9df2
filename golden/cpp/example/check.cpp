// Lists a case, or checks a dump against it. An engine's own test does the same without a dump: it fills
// glm52_golden::Tensors with what it has computed.
//
//     check CASE                       lists the stages
//     check CASE DUMP.safetensors [CLASS]
//
// Exit code 3 when a stage is wrong.
#include <iostream>

#include "../glm52_golden.hpp"

int main(int argc, char **argv) try {
  if (argc < 2) {
    std::cerr << "usage: check CASE [DUMP.safetensors [CLASS]]\n";
    return 2;
  }
  glm52_golden::Case golden(argv[1]);
  if (argc == 2) {
    std::cout << golden.tokens.size() << " tokens, certified for";
    for (const std::string &kind : golden.classes())
      if (golden.certified(kind)) std::cout << " " << kind;
    std::cout << "\n";
    for (const auto &name : golden.order()) {
      const auto &tensor = golden.expected.at(name);
      std::cout << name << " " << tensor.dtype;
      for (auto axis : tensor.shape) std::cout << " " << axis;
      std::cout << "\n";
    }
    return 0;
  }
  auto report = golden.compare(glm52_golden::read_safetensors(argv[2]), argc > 3 ? argv[3] : "f32");
  for (const auto &[name, verdict] : report.stages) std::cout << name << ": " << verdict << "\n";
  if (!report.unknown.empty()) std::cout << report.unknown.size() << " stages not compared, such as " << report.unknown[0] << "\n";
  return report.wrong() ? 3 : 0;
} catch (const glm52_golden::Error &error) {
  std::cerr << error.what() << "\n";
  return 1;
}
