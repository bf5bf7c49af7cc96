#include "common/model/hugging_face_texts.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/base/mapped_file.h"
#include "common/base/status_macros.h"
#include "common/model/json_document.h"

namespace chimera {
namespace {

absl::StatusOr<std::string> ReadText(const std::string& path) {
  CHIMERA_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> file, MappedFile::Open(path));
  if (file->bytes().size() > kMaxJsonBytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has ", file->bytes().size(),
                                                   " bytes, must have at most ", kMaxJsonBytes));
  }
  return std::string(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
}

absl::StatusOr<std::optional<std::string>> ReadTextIfThere(const std::string& path) {
  absl::StatusOr<std::string> text = ReadText(path);
  if (text.ok()) return std::optional<std::string>(*std::move(text));
  if (absl::IsNotFound(text.status())) return std::optional<std::string>();
  return std::move(text).status();
}

}  // namespace

absl::StatusOr<HuggingFaceTexts> ReadHuggingFaceTexts(const std::string& folder) {
  HuggingFaceTexts texts;
  CHIMERA_ASSIGN_OR_RETURN(texts.config, ReadText(folder + "/config.json"));
  CHIMERA_ASSIGN_OR_RETURN(texts.tokenizer, ReadText(folder + "/tokenizer.json"));
  CHIMERA_ASSIGN_OR_RETURN(texts.tokenizer_config,
                           ReadTextIfThere(folder + "/tokenizer_config.json"));
  CHIMERA_ASSIGN_OR_RETURN(texts.generation_config,
                           ReadTextIfThere(folder + "/generation_config.json"));
  CHIMERA_ASSIGN_OR_RETURN(texts.chat_template, ReadTextIfThere(folder + "/chat_template.jinja"));
  return texts;
}

}  // namespace chimera
