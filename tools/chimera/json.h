// JSON as the client writes it.

#ifndef CHIMERA_TOOLS_CHIMERA_JSON_H_
#define CHIMERA_TOOLS_CHIMERA_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

namespace chimera {

// The value on one line, keys in the order they were added. Bytes that are not UTF-8 become U+FFFD
// instead of an exception.
inline std::string DumpJson(const nlohmann::ordered_json& value) {
  return value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                    nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace chimera

#endif  // CHIMERA_TOOLS_CHIMERA_JSON_H_
