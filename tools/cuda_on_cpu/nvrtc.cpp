// NVRTC by g++: a program becomes a shared library in the folder `kernels`, and its "binary" says which.
#include "core.h"
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>
using std::string;

enum { SUCCESS = 0, COMPILATION = 6, NAME_EXPRESSION_NOT_VALID = 10 };
struct Program {
  string source, options, log, image;
  std::vector<std::pair<string, string>> headers;  // name, text
  std::vector<string> expressions, lowered;
};
static const string ROOT = emu_setting("ROOT", "");

static string hash(const string& text) {  // FNV-1a beside a linear congruence
  uint64_t a = 1469598103934665603ull, b = 88172645463325252ull;
  for (unsigned char c : text) {
    a = (a ^ c) * 1099511628211ull;
    b = (b + c) * 6364136223846793005ull + 1442695040888963407ull;
  }
  char out[40];
  snprintf(out, sizeof out, "%016lx%016lx", a, b);
  return out;
}

static bool has(const string& text, const char* part) { return text.find(part) != string::npos; }
static bool begins(const string& text, const char* part) { return text.rfind(part, 0) == 0; }

static string without_comments(const string& text) {
  string out;
  size_t i = 0;
  while (i < text.size()) {
    if (!text.compare(i, 2, "//")) {
      i = std::min(text.find('\n', i), text.size());
    } else if (!text.compare(i, 2, "/*")) {
      size_t end = text.find("*/", i + 2);
      i = end == string::npos ? text.size() : end + 2;
      out += ' ';
    } else {
      out += text[i++];
    }
  }
  return out;
}

// The word before the parameters of the function that is declared from `at` on.
static string declared(const string& text, size_t at) {
  string word;
  while (at < text.size()) {
    if (isalnum(text[at]) || text[at] == '_') {
      word.clear();
      while (isalnum(text[at]) || text[at] == '_') word += text[at++];
    } else if (text[at] == '(' && word == "__launch_bounds__") {
      int depth = 0;
      do {
        depth += (text[at] == '(') - (text[at] == ')');
        at++;
      } while (depth && at < text.size());
    } else if (text[at] == '(') {
      return word;
    } else if (isspace(text[at])) {
      at++;
    } else {
      break;
    }
  }
  return "";
}

// The kernels of a source that are no templates; those are reached by name expressions.
static std::vector<string> kernels(const string& text) {
  static const string MARK = "__global__";
  std::vector<string> out;
  for (size_t i = text.find(MARK); i != string::npos; i = text.find(MARK, i)) {
    i += MARK.size();
    size_t before = text.rfind("template", i);
    if (before != string::npos && text.find_first_of(";}", before) > i) continue;
    string name = declared(text, i);
    if (!name.empty()) out.push_back(name);
  }
  return out;
}

EXPORT const char* nvrtcGetErrorString(int error) {
  return error ? "NVRTC_ERROR_COMPILATION (emulated)" : "NVRTC_SUCCESS";
}
EXPORT int nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 0, SUCCESS; }
EXPORT int nvrtcCreateProgram(Program** out, const char* source, const char*, int count, const char** headers,
                              const char** names) {
  *out = new Program{source};
  for (int i = 0; i < count; i++) (*out)->headers.push_back({names[i], headers[i]});
  return SUCCESS;
}
EXPORT int nvrtcDestroyProgram(Program** program) {
  delete *program;
  *program = nullptr;
  return SUCCESS;
}
EXPORT int nvrtcAddNameExpression(Program* program, const char* expression) {
  program->lowered.push_back("expression" + std::to_string(program->expressions.size()));
  program->expressions.push_back(expression);
  return SUCCESS;
}
EXPORT int nvrtcGetLoweredName(Program* program, const char* expression, const char** out) {
  for (size_t i = 0; i < program->expressions.size(); i++) {
    if (program->expressions[i] != expression) continue;
    *out = program->lowered[i].c_str();
    return SUCCESS;
  }
  return NAME_EXPRESSION_NOT_VALID;
}

// What is compiled: the source, dynamic shared memory as a pointer, and a function for each kernel that
// launches it.
static string unit(const Program& program) {
  static const std::regex DYNAMIC(
      "extern\\s+__shared__\\s+(__align__\\s*\\([^)]*\\)\\s*|alignas\\s*\\([^)]*\\)\\s*)?"
      "([A-Za-z_][\\w :<>]*?)\\s+([A-Za-z_]\\w*)\\s*\\[\\s*\\]\\s*;");
  static const std::regex BARRIER("__sync|__shfl|__ballot|_sync\\s*\\(|cooperative_groups|block_reduce");
  string plain = without_comments(program.source);
  std::ostringstream out;
  out << "#line 1 \"kernel.cu\"\n"
      << std::regex_replace(program.source, DYNAMIC, "$2* $3 = ($2*)emu_dynamic;");
  out << "\nEMU_EXPORT int emu_has_barriers;\n";
  out << "int emu_has_barriers = " << std::regex_search(plain, BARRIER) << ";\n";
  for (auto& name : kernels(plain)) out << "EMU_KERNEL(" << name << ", &" << name << ")\n";
  for (size_t i = 0; i < program.expressions.size(); i++) {
    auto& expression = program.expressions[i];
    const char* address = begins(expression, "&") ? "" : "&";
    out << "EMU_KERNEL(" << program.lowered[i] << ", " << address << expression << ")\n";
  }
  return out.str();
}

// Those of NVRTC's options that g++ shall have, and its own.
static string flags(const Program& program) {
  const string& options = program.options;
  bool own_headers = has(program.source, "carray.cuh");  // a kernel of CuPy's own
  bool jit = has(program.source, "CUPY_JIT_MODE") || has(options, "CUPY_JIT_MODE");
  bool cccl = has(program.source, "cuda/std") || has(program.source, "thrust/");
  // NVRTC makes fused multiply-adds of what it can (-fmad=true); of CuPy's own kernels only complex ones have
  // any.
  string out = own_headers                   ? " -O1"
               : has(options, "-fmad=false") ? " -O2 -ffp-contract=off"
                                             : " -O2 -ffp-contract=fast";
  out += " $FLAGS -I" + ROOT + "/headers -include " + (own_headers && !jit ? "prelude_cupy.h" : "prelude.h");
  std::istringstream lines(options);
  for (string option; std::getline(lines, option);) {
    if (has(option, "_cccl") && !cccl) continue;
    if (begins(option, "-I") || begins(option, "-D")) out += " '" + option + "'";
  }
  return out;
}

// Compiles `text` into the library; false, with a log, if that fails. Processes may do so at the same time.
static bool compile(Program& program, const string& text, const string& flags, const string& library) {
  string mine = library + "." + std::to_string(getpid()) + "." + std::to_string((size_t)&program);
  string include;
  if (!program.headers.empty()) {
    mkdir((mine + ".d").c_str(), 0777);
    for (auto& [name, header] : program.headers) std::ofstream(mine + ".d/" + name) << header;
    include = " -I" + mine + ".d";
  }
  std::ofstream(mine + ".cpp") << text;
  string command = "FLAGS=$(cat " + ROOT + "/headers/flags); LD_LIBRARY_PATH= g++ -x c++ -shared" + flags +
                   include + " " + mine + ".cpp -o " + mine + " > " + mine + ".log 2>&1";
  if (*emu_setting("VERBOSE", "0") == '1') fprintf(stderr, "[cuda_on_cpu] %s\n", command.c_str());
  bool compiled = system(command.c_str()) == 0;
  std::stringstream log;
  log << std::ifstream(mine + ".log").rdbuf();
  program.log = log.str();
  unlink((mine + ".log").c_str());
  if (!compiled) {
    emu_fault("g++ failed on %s.cpp\n%s", mine.c_str(), program.log.substr(0, 3000).c_str());
    return false;
  }
  std::ofstream source(library + ".cu");  // for compile_for_cards.py
  std::istringstream lines(program.options);
  for (string option; std::getline(lines, option);) source << "//option " << option << "\n";
  source << program.source;
  unlink((mine + ".cpp").c_str());
  rename(mine.c_str(), library.c_str());
  return true;
}

EXPORT int nvrtcCompileProgram(Program* program, int count, const char** given) {
  if (program->source.find_first_not_of(" \n\t") == string::npos) {
    program->image = "EMU:";
    return SUCCESS;
  }
  program->options.clear();
  for (int i = 0; i < count; i++) program->options += string(given[i]) + "\n";
  string text = unit(*program), used = flags(*program);
  struct stat built = {};
  stat((ROOT + "/headers/prelude_cupy.h.gch").c_str(), &built);
  string library =
      ROOT + "/kernels/" + hash(text + program->options + used + std::to_string(built.st_mtime)) + ".so";
  if (access(library.c_str(), R_OK) && !compile(*program, text, used, library)) return COMPILATION;
  program->image = "EMU:" + library;
  return SUCCESS;
}

static int hand(const string& text, char* out) {
  memcpy(out, text.c_str(), text.size() + 1);
  return SUCCESS;
}
EXPORT int nvrtcGetPTXSize(Program* program, size_t* size) {
  return *size = program->image.size() + 1, SUCCESS;
}
EXPORT int nvrtcGetPTX(Program* program, char* out) { return hand(program->image, out); }
EXPORT int nvrtcGetCUBINSize(Program* program, size_t* size) {
  return *size = program->image.size() + 1, SUCCESS;
}
EXPORT int nvrtcGetCUBIN(Program* program, char* out) { return hand(program->image, out); }
EXPORT int nvrtcGetLTOIRSize(Program*, size_t* size) { return *size = 0, SUCCESS; }
EXPORT int nvrtcGetLTOIR(Program*, char*) { return SUCCESS; }
EXPORT int nvrtcGetProgramLogSize(Program* program, size_t* size) {
  return *size = program->log.size() + 1, SUCCESS;
}
EXPORT int nvrtcGetProgramLog(Program* program, char* out) { return hand(program->log, out); }
EXPORT int nvrtcGetNumSupportedArchs(int* count) { return *count = 1, SUCCESS; }
EXPORT int nvrtcGetSupportedArchs(int* archs) { return archs[0] = 90, SUCCESS; }
