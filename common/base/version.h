// The version that binaries and services report.

#ifndef CHIMERA_COMMON_BASE_VERSION_H_
#define CHIMERA_COMMON_BASE_VERSION_H_

namespace chimera {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace chimera

#endif  // CHIMERA_COMMON_BASE_VERSION_H_
