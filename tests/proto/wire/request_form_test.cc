// Copyright 2026 The lossd authors
// SPDX-License-Identifier: Apache-2.0

#include "proto/wire/request_form.h"

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "proto/wire/limits.h"
#include "proto/wire/request_decoder.h"
#include "tests/proto/wire/random_message.h"
#include "tests/proto/wire/wire_bytes.h"
#include "tests/support/status_matchers.h"

namespace lossd::wire {
namespace {

std::string Input(const std::string& name, const std::string& payload) {
  return BytesField(15, TensorBytes(name, 7, {static_cast<int64_t>(payload.size())}, payload));
}

std::string FormOf(const std::string& message) {
  const std::optional<RequestForm> form = ReadForm(Cut(message, 5));
  return form ? form->bytes : "none";
}

std::vector<int64_t> Places(const std::vector<PayloadRange>& payloads) {
  std::vector<int64_t> places;
  for (const PayloadRange& range : payloads) {
    places.insert(places.end(), {static_cast<int64_t>(range.slice), static_cast<int64_t>(range.offset), range.length});
  }
  return places;
}

// What DecodeRequest makes of a message, but for request_id and where payloads lie.
std::string Meaning(const DecodedRequest& request) {
  v1::ComputeRequest header = request.header;
  header.clear_request_id();
  std::string meaning = header.SerializeAsString();
  for (const TensorSpec& spec : request.specs) {
    absl::StrAppend(&meaning, "|", spec.name, "|", static_cast<int>(spec.dtype), ShapeText(spec.shape));
  }
  return meaning;
}

TEST(RequestFormTest, IsThatOfAllRequestsWithOtherElementsAndIds) {
  const std::string loss = BytesField(2, BytesField(4, ""));
  const std::string form = FormOf(BytesField(1, "a") + loss + Input("x.0", "123") + Input("x.1", "4"));
  EXPECT_NE(form, "none");
  EXPECT_EQ(form, FormOf(loss + Input("x.0", "456") + BytesField(1, "another") + Input("x.1", "7")));
  EXPECT_NE(form, FormOf(loss + Input("x.0", "12") + Input("x.1", "4")));
  EXPECT_NE(form, FormOf(loss + Input("x.0", "123") + Input("x.2", "4")));
  EXPECT_NE(form, FormOf(Input("x.0", "123") + Input("x.1", "4")));
  EXPECT_NE(form, FormOf(loss + Input("x.0", "123") + Input("x.1", "4") + BytesField(6, VarintField(1, 1))));
}

// A request whose one input ends with a field that might as well stand behind it: there it is one of the request. What
// the input is shorter by then, its tag, its payload's tag, or one of their lengths is longer than it needs to be.
std::string WithFieldInOrBehindInput(std::mt19937& random) {
  const std::string field = BytesField(6, VarintField(2, random() % 3));  // The request's options.
  const auto padding = static_cast<int>(field.size());
  const std::string payload = std::string(random() % 2 * 4, '\0');
  const std::string start = BytesField(1, "x.0") + VarintField(2, 1) + BytesField(3, Varint(payload.size() / 4));
  const auto input = [](const std::string& tensor) { return BytesField(15, tensor); };
  const std::string request = BytesField(2, BytesField(4, ""));
  switch (random() % 4) {
    case 0:
      return request + input(start + BytesField(15, payload) + field);
    case 1:
      return request + input(start + Tag(15, 2) + PaddedVarint(payload.size(), 1 + padding) + payload) + field;
    case 2:
      return request + input(start + PaddedVarint(15 << 3 | 2, 1 + padding) + Varint(payload.size()) + payload) + field;
    default:
      return request + input(start + BytesField(15, payload)) + field;
  }
}

// Decodes requests and holds all whose forms are equal against each other.
class FormsMet {
 public:
  void Meet(const std::vector<grpc::Slice>& slices) {
    const std::optional<RequestForm> form = ReadForm(slices);
    const absl::StatusOr<DecodedRequest> request = DecodeRequest(slices);
    if (!form) return;
    const std::string meaning = request.ok() ? Meaning(*request) : "refused";
    const auto [known, inserted] = meanings_.try_emplace(form->bytes, meaning);
    ASSERT_EQ(known->second, meaning);
    met_again_ += inserted ? 0 : 1;
    if (!request.ok()) return;
    EXPECT_EQ(form->request_id, request->header.request_id());
    EXPECT_EQ(Places(form->payloads), Places(request->payloads));
  }
  int met_again() const { return met_again_; }

 private:
  std::map<std::string, std::string> meanings_;
  int met_again_ = 0;
};

TEST(RequestFormTest, EqualFormsMeanEqualRequests) {
  FormsMet forms;
  for (uint32_t seed = 0; seed < 10'000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed % 20);  // Mutations of the same messages: many differ in payloads alone.
    const std::string message = RandomRequest(random);
    random.seed(seed);
    forms.Meet(CutAtRandom(seed < 20 ? message : Mutated(message, random), random));
    forms.Meet(CutAtRandom(WithFieldInOrBehindInput(random), random));
  }
  EXPECT_GT(forms.met_again(), 1'000);
}

TEST(RequestFormTest, EveryTruncationIsRead) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    std::mt19937 random(seed);
    const std::string bytes = RandomRequest(random);
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::vector<grpc::Slice> slices = CutAtRandom(bytes.substr(0, size), random);
      if (DecodeRequest(slices).ok()) continue;
      const std::optional<RequestForm> form = ReadForm(slices);  // Must not read beyond the end.
      EXPECT_LE(form ? form->bytes.size() : 0, kMaxFormBytes);
    }
  }
}

TEST(RequestFormTest, LeavesWhatIsUnusualToTheDecoder) {
  EXPECT_EQ(FormOf(BytesField(1, "a") + BytesField(1, "b")), "none");
  EXPECT_EQ(FormOf(BytesField(1, "\xff")), "none");
  EXPECT_EQ(FormOf(BytesField(1, std::string(kMaxNameBytes + 1, 'i'))), "none");
  EXPECT_EQ(FormOf(GroupField(99, "")), "none");
  EXPECT_EQ(FormOf(BytesField(15, GroupField(99, ""))), "none");
  EXPECT_EQ(FormOf(BytesField(15, BytesField(15, "ab") + BytesField(15, "cd"))), "none");
  EXPECT_EQ(FormOf(PaddedVarint(15 << 3 | 2, 2) + Varint(0)), "none");
  EXPECT_EQ(FormOf(Tag(15, 2) + PaddedVarint(0, 2)), "none");
  EXPECT_EQ(FormOf(BytesField(2, std::string(kMaxFormBytes, 'c'))), "none");
  EXPECT_NE(FormOf(Input("x.0", std::string(kMaxFormBytes, 'p'))), "none");
  std::string many;
  for (size_t i = 0; i < kMaxFormBytes / 9; ++i) many += BytesField(15, "");
  EXPECT_EQ(FormOf(many + BytesField(15, "")), "none");
}

TEST(HasLongHeaderTest, CountsAllButPayloads) {
  const auto is_long = [](const std::string& message) { return HasLongHeader(Cut(message, 1'000)); };
  const std::string limit(kMaxShortHeaderBytes, 'x');
  const std::string below = limit.substr(100);
  EXPECT_FALSE(is_long(""));
  EXPECT_FALSE(is_long(BytesField(2, below) + Input("x.0", limit)));
  EXPECT_TRUE(is_long(BytesField(2, limit)));
  EXPECT_TRUE(is_long(BytesField(15, BytesField(1, limit))));
  EXPECT_TRUE(is_long(BytesField(15, BytesField(15, limit) + BytesField(1, below)) + BytesField(2, below)));
}

TEST(HasLongHeaderTest, TakesGroupsOfLongMessagesForLong) {
  const auto is_long = [](const std::string& message) { return HasLongHeader(Cut(message, 1'000)); };
  const std::string payload = Input("x.0", std::string(kMaxShortHeaderBytes, 'x'));
  EXPECT_FALSE(is_long(GroupField(99, "")));
  EXPECT_TRUE(is_long(payload + GroupField(99, "")));
  EXPECT_TRUE(is_long(payload + BytesField(15, GroupField(99, ""))));
  EXPECT_FALSE(is_long(payload + "\x0f" + GroupField(99, "")));  // Nobody reads as far.
}

}  // namespace
}  // namespace lossd::wire
